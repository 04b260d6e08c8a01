import math

import pytest

from workflows.expressions.builtins.maths import FUNCTIONS
from workflows.expressions.errors import JqError, Value
from workflows.expressions.meter import Run

INF = math.inf
NAN = math.nan


def call(name: str, *operands: Value) -> Value:
    if (name, 0) in FUNCTIONS:
        return FUNCTIONS[name, 0](Run({}), *operands)
    return FUNCTIONS[name, len(operands)](Run({}), None, *operands)


@pytest.mark.parametrize(
    ("name", "operands", "result"),
    [
        ("floor", (-0.5,), -1),
        ("ceil", (0.2,), 1),
        ("round", (-2.5,), -3),
        ("round", (0.49999999999999994,), 0),
        ("rint", (2.5,), 2),
        ("nearbyint", (3.5,), 4),
        ("trunc", (-2.7,), -2),
        ("floor", (2**62,), 2.0**62),
        ("sqrt", (16,), 4),
        ("cbrt", (-27,), -3),
        ("pow", (2, 10), 1024),
        ("pow", (-2, 1e9), INF),
        ("pow", (-10, 1001), -INF),
        ("pow", (0, -1), INF),
        ("log", (0,), -INF),
        ("log1p", (-1,), -INF),
        ("log2", (8,), 3),
        ("log10", (1000,), 3),
        ("exp", (1000,), INF),
        ("exp2", (10,), 1024),
        ("exp10", (3,), 1000),
        ("sinh", (-1000,), -INF),
        ("cosh", (1000,), INF),
        ("atanh", (-1,), -INF),
        ("fabs", (-3,), 3),
        ("abs", (-(2**62),), 2**62),
        ("abs", ("a",), "a"),
        ("fmin", (NAN, 1), 1),
        ("fmax", (1, NAN), 1),
        ("fmod", (-5, 3), -2),
        ("fma", (2, 3, 4), 10),
        ("fma", (0.1, 10, -1), 5.551115123125783e-17),
        ("fma", (1e308, 10, -INF), -INF),
        ("fdim", (5, 3), 2),
        ("fdim", (3, 5), 0),
        ("hypot", (3, 4), 5),
        ("copysign", (2, -0.0), -2),
        ("drem", (5, 3), -1),
        ("ldexp", (3, 2), 12),
        ("ldexp", (1, 1e99), 0),
        ("scalb", (1, INF), INF),
        ("scalbln", (1, 1e10), INF),
        ("nextafter", (1, 2), 1.0000000000000002),
        ("significand", (10,), 1.25),
        ("logb", (0,), -INF),
        ("logb", (10,), 3),
        ("lgamma", (0,), INF),
        ("lgamma_r", (1,), [0, 1]),
        ("tgamma", (5,), 24),
        ("tgamma", (1000,), INF),
        ("frexp", (10,), [0.625, 4]),
        ("modf", (-2.5,), [-0.5, -2]),
        ("erf", (0,), 0),
        ("isinfinite", (10**400,), True),
        ("isnan", ("a",), False),
        ("isnormal", (1e-310,), False),
        ("isnormal", (1,), True),
    ],
)
def test_results_are_those_of_c(name: str, operands: tuple[Value, ...], result: Value) -> None:
    assert call(name, *operands) == result


@pytest.mark.parametrize(
    ("name", "operands"),
    [
        ("sqrt", (-1,)),
        ("log", (-1,)),
        ("acos", (2,)),
        ("sin", (INF,)),
        ("acosh", (0,)),
        ("pow", (-8, 1 / 3)),
        ("fmod", (1, 0)),
        ("drem", (INF, 1)),
        ("scalb", (1, 1.5)),
        ("tgamma", (-1,)),
        ("floor", (NAN,)),
        ("nan", (None,)),
    ],
)
def test_outside_the_domain_there_is_nan(name: str, operands: tuple[Value, ...]) -> None:
    assert math.isnan(call(name, *operands))


@pytest.mark.parametrize(("x", "sign"), [(-0.5, -1), (-1.5, 1), (-2.5, -1), (-3, 1), (-0.0, -1)])
def test_the_sign_of_gamma_is_told(x: float, sign: int) -> None:
    assert call("lgamma_r", x)[1] == sign


def test_integers_come_out_as_integers() -> None:
    assert type(call("floor", 1.5)) is int
    assert type(call("pow", 2, 3)) is int
    assert type(call("frexp", 8)[0]) is float


def test_zero_keeps_its_sign() -> None:
    assert math.copysign(1, call("ceil", -0.5)) == -1


@pytest.mark.parametrize("key", sorted(FUNCTIONS))
def test_no_number_is_too_much(key: tuple[str, int]) -> None:
    numbers = [0, -0.0, 1, -3, 0.5, 2**63, -(10**400), 10**400, INF, -INF, NAN, 5e-324, 1e308]
    for one in numbers:
        for other in numbers:
            FUNCTIONS[key](Run({}), one, *[one, other, one][: key[1]])


@pytest.mark.parametrize("value", ["1", True, [1], {}])
@pytest.mark.parametrize("name", ["floor", "frexp", "lgamma_r", "gamma"])
def test_other_values_are_complained_of(name: str, value: Value) -> None:
    with pytest.raises(JqError) as caught:
        call(name, value)
    assert caught.value.value.endswith(") number required")


def test_null_has_no_absolute_value() -> None:
    with pytest.raises(JqError) as caught:
        call("abs", None)
    assert caught.value.value == "null (null) cannot be negated"
