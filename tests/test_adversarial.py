import re

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import losses
from jaxgan.adversarial import (
    Nested,
    Networks,
    Penalty,
    adversarial_gan,
    make_prior,
    score_apart,
    score_together,
    split_first,
)

BATCH = {
    "image": jnp.linspace(-1, 1, 24).reshape(4, 1, 1, 6),
    "label": jnp.arange(4, dtype=jnp.int32),
}
KEY = jax.random.key(3)


class Generator(nn.Module):
    @nn.compact
    def __call__(self, latent, *condition_and_train):
        *label, train = condition_and_train
        for y in label:
            latent = latent + y[:, None]
        latent = nn.BatchNorm(use_running_average=not train, momentum=0.5)(latent)
        return nn.Dense(6)(latent)[:, None, None]


class Discriminator(nn.Module):
    @nn.compact
    def __call__(self, image, *condition_and_train):
        label = [y for y in condition_and_train if not isinstance(y, bool)]
        x = nn.Dense(1)(image[:, 0, 0])[:, 0]
        self.sow("intermediates", "dense1", x)
        return x + sum(label)


def make(condition="none", **options):
    networks = Networks(Generator(), Discriminator(), make_prior("normal", 3), condition)
    gan = adversarial_gan(networks, **{"loss": "wasserstein", **options})
    return gan, *gan.init(jax.random.key(0), BATCH)


def score_by_hand(disc, image):
    kernel, bias = disc["Dense_0"]["kernel"], disc["Dense_0"]["bias"]
    return image[:, 0, 0] @ kernel[:, 0] + bias[0]


def softplus(x):
    return np.log1p(np.exp(np.asarray(x)))


def test_losses_are_those_of_the_pair():
    gan, params, variables = make(loss="nonsaturating")
    latent_key, _, _ = jax.random.split(KEY, 3)
    z = np.asarray(gan.latent(latent_key, 4))
    z = (z - z.mean(0)) / np.sqrt(z.var(0) + 1e-5)
    dense = jax.tree.map(np.asarray, params.gen["Dense_0"])
    fake = (z @ dense["kernel"] + dense["bias"])[:, None, None]
    real, fake = score_by_hand(params.disc, BATCH["image"]), score_by_hand(params.disc, fake)

    loss, (after, metrics) = gan.disc_loss(params.disc, params.gen, variables, BATCH, KEY)
    np.testing.assert_allclose(loss, np.mean(softplus(-real) + softplus(fake)), rtol=1e-4)
    sigmoid = [float(np.mean(1 / (1 + np.exp(-np.asarray(x))))) for x in (real, fake)]
    np.testing.assert_allclose([metrics["D(x)"], metrics["D(G(z))"]], sigmoid, rtol=1e-4)
    assert metrics.keys() == {"disc_loss", "D(x)", "D(G(z))"}
    assert after.gen == variables.gen  # the discriminator's step leaves the generator's statistics

    loss, (after, metrics) = gan.gen_loss(params.gen, params.disc, variables, BATCH, KEY)
    np.testing.assert_allclose(loss, np.mean(softplus(-fake)), rtol=1e-4)
    assert metrics == {"gen_loss": loss}
    mean, raw = after.gen["batch_stats"]["BatchNorm_0"]["mean"], gan.latent(latent_key, 4)
    np.testing.assert_allclose(mean, raw.mean(0) / 2, rtol=1e-4)


def test_penalty_of_a_linear_critic():
    gan, params, variables = make(penalty=Penalty("wgan_gp", 10.0))
    loss, (_, metrics) = gan.disc_loss(params.disc, params.gen, variables, BATCH, KEY)
    norm = np.linalg.norm(params.disc["Dense_0"]["kernel"])
    np.testing.assert_allclose(metrics["penalty"], 10 * (norm - 1) ** 2, rtol=1e-4)
    np.testing.assert_allclose(loss, metrics["disc_loss"] + metrics["penalty"], rtol=1e-6)


def test_scores_together_and_apart_are_the_same_without_batch_statistics():
    real, fake, label = jnp.arange(4.0), 10 + jnp.arange(4.0), 100 * jnp.arange(4.0)
    for score, calls in ((score_together, [8]), (score_apart, [4, 4])):
        seen = []

        def critic(stats, image, label, seen=seen):
            seen.append(len(image))
            return image + label, stats + 1

        found = score(critic, 0, real, fake, label)
        np.testing.assert_array_equal(found[0], real + label)
        np.testing.assert_array_equal(found[1], fake + label)
        assert seen == calls and found[2] == len(calls)


def test_the_condition_reaches_both_networks():
    gan, params, variables = make("label", loss="nonsaturating")
    assert gan.conditional
    z = gan.latent(KEY, 4)
    for function, weights, x in (
        (gan.decode, params.gen, z),
        (lambda *args: gan.critic(*args)[0], params.disc, BATCH["image"]),
    ):
        zero, one = (function(weights, variables, x, jnp.full(4, y)) for y in (0, 1))
        assert not np.allclose(zero, one)
    other = {**BATCH, "label": 1 - BATCH["label"]}
    for loss, (first, second) in ((gan.disc_loss, params[::-1]), (gan.gen_loss, params)):
        assert loss(first, second, variables, BATCH, KEY)[0] != pytest.approx(
            float(loss(first, second, variables, other, KEY)[0]), abs=1e-3
        )


def test_without_a_condition_a_label_only_says_how_many():
    gan, params, variables = make()
    assert not gan.conditional
    samples = [gan.sample(params.gen, variables, KEY, jnp.full(5, y)) for y in (0, 1)]
    assert samples[0].shape == (5, 1, 1, 6)
    np.testing.assert_array_equal(*samples)


def test_augment_changes_all_images_of_training_and_none_of_sampling():
    plain, params, variables = make()
    shifted = make(augment=lambda image, key: image + 1)[0]
    weights = params.disc["Dense_0"]["kernel"]
    found = [
        gan.gen_loss(params.gen, params.disc, variables, BATCH, KEY)[0] for gan in (plain, shifted)
    ]
    np.testing.assert_allclose(found[1], found[0] - jnp.sum(weights), rtol=1e-4)
    one, other = (
        gan.disc_loss(params.disc, params.gen, variables, BATCH, KEY)[1][1]
        for gan in (plain, shifted)
    )
    assert one["D(x)"] != other["D(x)"] and one["D(G(z))"] != other["D(G(z))"]
    np.testing.assert_allclose(one["disc_loss"], other["disc_loss"], atol=1e-5)
    label = BATCH["label"]
    np.testing.assert_array_equal(
        *(gan.sample(params.gen, variables, KEY, label) for gan in (plain, shifted))
    )


def test_nested_parameters_keep_the_collection():
    prior = make_prior("normal", 3)
    nested = Networks(Generator(), Nested(Discriminator()), prior)
    params, variables = nested.init(KEY, BATCH)
    assert set(params.disc) == {"params"} and variables.disc == {}
    logits, features = nested.observe(params.disc, variables, BATCH["image"], None)
    np.testing.assert_allclose(logits, score_by_hand(params.disc["params"], BATCH["image"]))
    np.testing.assert_array_equal(features["dense1"], logits)


def test_priors():
    uniform = make_prior("uniform", 2, low=3.0, high=5.0)(KEY, 500)
    assert uniform.shape == (500, 2) and 3 <= uniform.min() < 3.1 < 4.9 < uniform.max() < 5
    normal = make_prior("normal", 2)
    np.testing.assert_array_equal(normal(KEY, 4), jax.random.normal(KEY, (4, 2)))
    first, _ = jax.random.split(KEY)
    np.testing.assert_array_equal(split_first(normal)(KEY, 4), normal(first, 4))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: make_prior("gauss", 2), "latent: unknown 'gauss'; known: normal, uniform"),
        (lambda: make_prior("normal", 0), "latent_size: 0 is below 1"),
        (lambda: make("input"), "condition: unknown 'input'; known: none, label, feature"),
        (
            lambda: Networks(Generator(), Discriminator(), print, sample_statistics="none"),
            "sample_statistics: unknown 'none'; known: batch, running",
        ),
        (lambda: make(loss="hing"), f"loss: unknown 'hing'; known: {', '.join(losses.PAIRS)}"),
        (lambda: make(penalty=Penalty("r3")), "penalty: unknown 'r3'; known: dragan"),
        (lambda: make(penalty=Penalty(weight=-1.0)), "penalty_weight: -1.0 is below 0"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        call()
