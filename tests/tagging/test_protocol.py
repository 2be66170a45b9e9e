import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.errors import UserError
from jaxgan.tagging import protocol, words

# Angles in degrees: the words at 0, 10, 90 and 180.
ANGLES = np.radians([0, 10, 90, 180])
VECTORS = np.stack([np.cos(ANGLES), np.sin(ANGLES)], 1)
WORDS = words.scaled(["a", "b", "c", "d"], VECTORS)


def at(*degrees):
    angle = np.radians(degrees)
    return jnp.asarray(np.stack([np.cos(angle), np.sin(angle)], 1), jnp.float32)


def test_the_most_common_of_the_nearest_words_by_hand():
    # Two nearest: at 2 degrees a, b; at 80 c, b; at 100 c, d (80 to d, 90 to b); at 7 b, a.
    samples = jnp.stack([at(2, 80, 100, 7), 5.0 * at(178, 179, 170, 100)])
    tags, sampled = protocol.most_common(samples, jnp.asarray(WORDS.vectors), nearest=2, common=2)
    # First image: b thrice, then a and c twice each, a by the greater mean cosine.
    np.testing.assert_array_equal(tags, [[1, 0], [3, 2]])
    np.testing.assert_array_equal(sampled, [[0, 2, 2, 1], [3, 3, 3, 2]])


def test_every_image_gets_the_tags_of_its_features():
    def sample(key, feature):  # near the word that the feature points at
        noise = 0.05 * jax.random.normal(key, (len(feature), 2))
        return (jnp.asarray(feature) + noise)[:, None, None]

    features = np.asarray(np.tile(WORDS.vectors, (2, 1)), np.float32)
    ticks = []
    options = {"samples": 9, "nearest": 1, "common": 1, "chunk": 3, "tick": ticks.append}
    found = protocol.tag(sample, features, WORDS, **options)
    np.testing.assert_array_equal(found.tags[:, 0], [0, 1, 2, 3, 0, 1, 2, 3])
    assert found.sampled.shape == (8, 9) and ticks == [3, 3, 2]
    again = protocol.tag(sample, features, WORDS, **options)
    np.testing.assert_array_equal(found.sampled, again.sampled)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"samples": 0}, "--samples: 0 is too small"),
        ({"nearest": 5}, "--nearest: 5 is not in 1 to 4, the words of the vocabulary"),
        ({"common": 0, "nearest": 1}, "--common: 0 is not in 1 to 4"),
    ],
)
def test_refuses_numbers_out_of_range(options, message):
    with pytest.raises(UserError, match=message):
        protocol.tag(lambda key, feature: feature, np.ones((1, 2)), WORDS, **options)
