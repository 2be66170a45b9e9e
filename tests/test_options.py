import pytest

from jaxgan import config
from jaxgan.errors import UserError


@pytest.mark.parametrize(
    ("name", "flags"),
    [
        ("cgan_mnist", "dataset.direction=foo"),
        ("cgan_mnist", "dataset.unreadable=foo"),
        ("pix2pix_edges_mnist", "dataset.unreadable=skip"),
        ("pix2pix_facades", "dataset.direction=BtoA dataset.pairs="),
        ("gan_ring", "dataset.image_size=8"),
        ("gan_ring", "dataset.flip=true"),
        ("gan_ring", "dataset.image_size=8 dataset.jitter_size=8"),
        ("cgan_tags_mnist", "dataset.image_size=32"),
        ("cgan_tags_mnist", "dataset.pairs=edges"),
        ("cgan_tags_mnist", "dataset.path=x.npz"),
        ("cgan_tags_mnist", "dataset.tags.size=8 dataset.tags.vectors=x.vec"),
        ("dcgan_mnist", "dataset.flip=true population.seeds=2"),
        ("gan_ring", "parallel.accumulate=2 population.seeds=2"),
        ("cgan_mnist", "gan.width=4 gan.network=mlp"),
        ("cgan_mnist", "gan.penalty=wgan_gp gan.penalty_weight=0.0"),
        ("cgan_mnist", "gan.penalty_share=0.3 gan.penalty_weight=0.0"),
        ("cgan_tags_mnist", "gan.joint_units=7 gan.joint_layers=0"),
        ("cgan_mnist", "evaluation.num=100 evaluate_every=0"),
    ],
)
def test_options_without_effect_are_refused(name, flags):
    flags = flags.split()
    key, _ = flags[0].split("=")
    with pytest.raises(UserError, match=rf"^--config\.{key}: .* has no effect") as error:
        config.load(f"configs/{name}.py", [f"--config.{flag}" for flag in flags])
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "flags"),
    [
        ("cgan_mnist", "dataset.direction=AtoB dataset.unreadable=stop dataset.pairs="),
        ("cgan_mnist", "evaluate_every=0 evaluation.test_split=test[:9]"),
        ("cgan_mnist", "gan.penalty=r1_r2 gan.penalty_weight=0.0"),
        ("gan_ring", "gan.penalty=r1 population.grid=gan.penalty_weight=0,1"),
        ("pix2pix_facades", "dataset.unreadable=skip"),
        ("pix2pix_edges_mnist", "dataset.direction=BtoA"),
    ],
)
def test_values_that_count_or_are_defaults_pass(name, flags):
    config.load(f"configs/{name}.py", [f"--config.{flag}" for flag in flags.split()])
