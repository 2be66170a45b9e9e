import jax
import jax.numpy as jnp
import numpy as np
import peer_inputs
import pytest

from jaxgan.metrics.scores import inception_score, modified_inception_score, score_sums

P = np.array([[0.8, 0.2], [0.4, 0.6]])  # p(y|x) of two examples; p(y) is 0.6, 0.4
KL = 0.8 * np.log(0.8 / 0.6) + 0.2 * np.log(0.2 / 0.4), 0.4 * np.log(0.4 / 0.6) + 0.6 * np.log(1.5)


def sums(logits, splits=1):
    """Returns the sums over consecutive parts, as equal as can be."""
    bounds = np.arange(splits + 1) * len(logits) // splits
    return score_sums(logits, np.repeat(np.arange(splits), np.diff(bounds)), splits=splits)


def test_inception_score_by_hand():
    np.testing.assert_allclose(inception_score(sums(np.log(P))), (np.exp(np.mean(KL)), 0))


def test_modified_score_by_hand():
    expected = 0.6 * np.log(0.6 / np.sqrt(0.8 * 0.4)) + 0.4 * np.log(0.4 / np.sqrt(0.2 * 0.6))
    np.testing.assert_allclose(modified_inception_score(sums(np.log(P))), expected, rtol=1e-5)
    # of splits it is the score of all together
    np.testing.assert_allclose(modified_inception_score(sums(np.log(P), 2)), expected, rtol=1e-5)


def test_many_examples_do_not_lose_precision():
    p = np.array([[0.7, 0.2999, 0.0001], [0.3, 0.6, 0.1]])
    expected = np.exp(np.mean(np.sum(p * np.log(p / p.mean(0)), 1)))
    found = inception_score(sums(np.log(np.tile(p, (50_000, 1)))))
    np.testing.assert_allclose(found[0], expected, rtol=2e-6)


def test_extremes():
    sure = 100 * np.tile(np.eye(5), (4, 1))  # every class as often, without doubt
    np.testing.assert_allclose(inception_score(sums(sure, 4)), (5, 0), atol=1e-5)
    same = np.tile(np.arange(5.0), (20, 1))
    np.testing.assert_allclose(inception_score(sums(same, 4)), (1, 0), atol=1e-5)
    np.testing.assert_allclose(modified_inception_score(sums(same)), 0, atol=1e-5)
    one = 100 * np.tile(np.eye(5)[:1], (20, 1))  # collapsed on a class
    np.testing.assert_allclose(inception_score(sums(one)), (1, 0), atol=1e-5)


def test_mean_and_deviation_over_splits():
    logits = np.concatenate([100 * np.tile(np.eye(4), (2, 1)), np.zeros((8, 4))])  # scores 4 and 1
    np.testing.assert_allclose(inception_score(sums(logits, 2)), (2.5, 1.5), rtol=1e-5)


@pytest.mark.parametrize("count", [1000, 1007])
def test_peer_finds_the_same(count):
    recorded = peer_inputs.recorded()[f"inception_score/{count}"]
    found = inception_score(sums(peer_inputs.logits(count), 10))
    np.testing.assert_allclose(found, recorded, rtol=1e-5)


def test_sums_of_batches_add_up():
    logits = np.random.default_rng(0).normal(size=(30, 6))
    split = np.arange(30) * 3 // 30
    whole = score_sums(logits, split, splits=3)
    parts = [score_sums(logits[i], split[i], splits=3) for i in (slice(7), slice(7, 30))]
    for found, expected in zip(jax.tree.map(jnp.add, *parts), whole, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_errors():
    for score in (inception_score, modified_inception_score):
        with pytest.raises(ValueError, match="sums: a split has no example"):
            score(score_sums(np.zeros((3, 4)), np.arange(3), splits=4))
        with pytest.raises(ValueError, match="sums: not all logits were finite"):
            score(sums(np.array([[0.0, 1.0], [np.nan, 0.0]])))
