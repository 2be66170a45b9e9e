import pytest

from jaxgan.errors import UserError, named, nearest


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("stepz", "steps"),
        ("gan.learning_rate", "optimizer.gen.learning_rate"),
        ("learning_rte", "optimizer.gen.learning_rate"),
        ("zzz", None),
    ],
)
def test_nearest(word, meant):
    known = ["seed", "steps", "optimizer.gen.learning_rate", "optimizer.disc.learning_rate"]
    assert nearest(word, known) == meant


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("dataset.split='x': no such", "--split='x': no such"),
        (
            "dataset.name='x' is unknown; give dataset.split",
            "dataset.name='x' is unknown; give --s",
        ),
        ("dataset.splits: x", "--workdir: dataset.splits: x"),
        ("--config.dataset.split: x", "--config.dataset.split: x"),
        ("a file is damaged", "--workdir: a file is damaged"),
    ],
)
def test_errors_name_the_arguments_of_a_program(text, told):
    with pytest.raises(UserError) as error, named({"dataset.split": "--split"}, "--workdir"):
        raise UserError(text)
    assert told in str(error.value) and str(error.value).startswith("--")
