import pathlib
import re

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import base


def test_interleave_and_back():
    real, fake = jnp.arange(6.0).reshape(3, 2), -jnp.arange(6.0).reshape(3, 2)
    both = base.interleave(real, fake)
    np.testing.assert_array_equal(both[:3], [[0, 1], [0, -1], [2, 3]])
    for a, b in zip(base.separate(both), (real, fake), strict=True):
        np.testing.assert_array_equal(a, b)


def test_traced_numbers_are_neither_below_a_bound_nor_zero():
    assert base.below(-1, 0) and not base.below(0, 0)
    assert base.is_set(0.1) and not base.is_set(0.0)

    @jax.jit
    def inside(x):
        assert not base.below(x, 0) and base.is_set(x)
        return x

    inside(-1.0)


def test_seeds_of_more_than_32_bits():
    seeds = [0, 1, 2**31, 2**32 - 1, 2**32, 2**32 + 1, 2**33, 2**62, 2**63 - 1]
    keys = [jax.random.key_data(base.seed_key(seed)).tolist() for seed in seeds]
    assert keys[:4] == [jax.random.key_data(jax.random.key(seed)).tolist() for seed in seeds[:4]]
    assert len({tuple(key) for key in keys}) == len(seeds)


def test_no_module_makes_a_key_of_a_seed_by_itself():
    root = pathlib.Path(base.__file__).parent
    files = [*root.rglob("*.py"), *root.with_name("examples").glob("*.py")]
    found = [str(f) for f in files if re.search(r"random\.key\([\w.]*seed\b", f.read_text())]
    assert found == [str(root / "base.py")]
