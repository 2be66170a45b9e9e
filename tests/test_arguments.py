import math
import re

import jax
import pytest

from jaxgan.arguments import check_at_least, check_choice, check_no_effect, check_rate


def test_right_values_pass():
    check_choice(("a", "b"), one="a", other="b")
    check_at_least(0, one=0, other=2.5)
    check_rate(one=0, other=0.99)
    check_no_effect("here", one=0, other=None)


@pytest.mark.parametrize(
    ("check", "value", "message"),
    [
        (lambda x: check_choice(("a", "b"), one="a", other=x), "c", "unknown 'c'; known: a, b"),
        (lambda x: check_at_least(2, one=2, other=x), 1, "1 is below 2"),
        (lambda x: check_at_least(2, other=x), math.nan, "nan is below 2"),
        (lambda x: check_rate(other=x), 1.0, "1.0 is not in [0, 1)"),
        (lambda x: check_rate(other=x), -0.1, "-0.1 is not in [0, 1)"),
        (lambda x: check_rate(other=x), math.nan, "nan is not in [0, 1)"),
        (lambda x: check_no_effect("here", one=0, other=x), 3, "3 has no effect here; give 0"),
        (lambda x: check_no_effect("here", other=x), 0.5, "0.5 has no effect here; give 0.0"),
    ],
)
def test_a_wrong_value_is_named(check, value, message):
    with pytest.raises(ValueError, match=f"^{re.escape(f'other: {message}')}$"):
        check(value)


def test_traced_numbers_pass():
    jax.jit(lambda x: check_at_least(2, x=x))(1.0)
