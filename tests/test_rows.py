import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import parallel, rows

KEY = jax.random.key(0)


def rule(key, count):
    return jax.random.normal(key, (count, 3))


def test_all_rows_where_nothing_is_said():
    np.testing.assert_array_equal(rows.draw(rule, KEY, 8), rule(KEY, 8))
    x = jnp.ones((4, 2))
    assert rows.axis() is None and rows.mean(x) is x and rows.gather(x) is x


def test_noise_lies_with_the_examples_and_is_the_same():
    mesh = parallel.make_mesh()
    spread = parallel.row_sharding(mesh)
    with rows.at_hand(shares=mesh.size, sharding=spread):
        noise = rows.draw(rule, KEY, 16)
        odd = rows.draw(rule, KEY, 3)  # which cannot be shared equally
    assert noise.sharding.is_equivalent_to(spread, 2)
    np.testing.assert_array_equal(noise, rule(KEY, 16))
    np.testing.assert_array_equal(odd, rule(KEY, 3))


def test_parts_take_some_rows_of_every_share():
    x = jnp.arange(12)
    with rows.at_hand(shares=2):
        parts = [rows.part(x, i, 3) for i in range(3)]
        np.testing.assert_array_equal(parts, [[0, 1, 6, 7], [2, 3, 8, 9], [4, 5, 10, 11]])
        for i, part in enumerate(parts):
            with rows.at_hand(part=i, parts=3):
                np.testing.assert_array_equal(rows.draw(rule, KEY, 4), rule(KEY, 12)[part])


def test_programs_of_single_devices_draw_their_own_rows():
    def own(x):
        with rows.at_hand(shares=4, axis="data", parts=2, part=1):
            return rows.draw(rule, KEY, 3), rows.mean(x), rows.gather(x[None])

    noise, mean, whole = jax.pmap(own, "data", devices=jax.devices()[:4])(jnp.arange(4.0))
    np.testing.assert_array_equal(noise, rule(KEY, 24).reshape(4, 2, 3, 3)[:, 1])
    np.testing.assert_array_equal(mean, np.full(4, 1.5))
    np.testing.assert_array_equal(whole, np.tile(np.arange(4.0), (4, 1)))


def test_the_context_ends_with_an_error():
    with pytest.raises(RuntimeError), rows.at_hand(axis="data"):
        raise RuntimeError
    assert rows.axis() is None
