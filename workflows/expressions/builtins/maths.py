"""jq's mathematics: C's functions on doubles. Outside their domain they give NaN or infinity.

The Bessel functions (j0, j1, jn, y0, y1, yn) are left out: Python has none, and no workflow asks.
"""

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from math import copysign, inf, isfinite, isinf, isnan, nan
from sys import float_info
from typing import Final

from workflows.expressions.errors import OperandError, Value
from workflows.expressions.meter import Run
from workflows.expressions.values import is_number, number, to_double

_Function = Callable[..., Value]
# Doubles from here on are integers already.
_ALL_WHOLE: Final = 2.0**52
# No exponent of a double is larger; more is the same as this.
_MAX_EXPONENT: Final = 5000


def _double(value: Value) -> float:
    if not is_number(value):
        raise OperandError("{} number required", value)
    return to_double(value)


def _one(calculate: Callable[[float], float]) -> _Function:
    def apply(_run: Run, value: Value) -> Value:
        return number(calculate(_double(value)))

    return apply


def _two(calculate: Callable[[float, float], float]) -> _Function:
    def apply(_run: Run, _value: Value, left: Value, right: Value) -> Value:
        return number(calculate(_double(left), _double(right)))

    return apply


def _guarded(
    calculate: Callable[[float], float], overflow: float = inf
) -> Callable[[float], float]:
    """Give NaN where Python says that the domain is left, `overflow` where it overflows."""

    def apply(x: float) -> float:
        try:
            return calculate(x)
        except ValueError:
            return nan
        except OverflowError:
            return overflow

    return apply


# --- Rounding ---------------------------------------------------------------------------------


def _rounded(calculate: Callable[[float], int]) -> Callable[[float], float]:
    def apply(x: float) -> float:
        # The sign of zero is C's business: ceil(-0.5) is -0.
        return x if not abs(x) < _ALL_WHOLE else copysign(calculate(x), x)

    return apply


def _half_away(x: float) -> int:
    whole = math.trunc(x)
    return whole + int(copysign(1, x)) if abs(x - whole) >= 0.5 else whole  # noqa: PLR2004 - a half


def _significand(x: float) -> float:
    return x if x == 0 or not isfinite(x) else math.frexp(x)[0] * 2


def _logb(x: float) -> float:
    if x == 0:
        return -inf
    return abs(x) if not isfinite(x) else math.frexp(x)[1] - 1


def _frexp(_run: Run, value: Value) -> Value:
    fraction, exponent = math.frexp(_double(value))
    return [number(fraction), exponent]


def _modf(_run: Run, value: Value) -> Value:
    fraction, whole = math.modf(_double(value))
    return [number(fraction), number(whole)]


# --- Powers and logarithms --------------------------------------------------------------------


def _logarithm(calculate: Callable[[float], float], pole: float = 0.0) -> Callable[[float], float]:
    def apply(x: float) -> float:
        return -inf if x == pole else nan if x < pole else calculate(x)

    return apply


def _exp2(x: float) -> float:
    return _pow(2.0, x)


def _exp10(x: float) -> float:
    return _pow(10.0, x)


def _cbrt(x: float) -> float:
    if x == 0 or not isfinite(x):
        return x
    size = abs(x)
    root = math.exp(math.log(size) / 3)
    # Two steps of Newton's method bring it to the nearest double or its neighbour.
    for _ in range(2):
        root -= (root - size / root / root) / 3
    candidates = (math.nextafter(root, 0), root, math.nextafter(root, inf))
    exact = Fraction(size)
    return copysign(min(candidates, key=lambda each: abs(Fraction(each) ** 3 - exact)), x)


def _pow(base: float, exponent: float) -> float:
    try:
        return math.pow(base, exponent)
    except OverflowError:
        return -inf if base < 0 and exponent % 2 == 1 else inf
    except ValueError:
        if base != 0:
            return nan
        return -inf if copysign(1, base) < 0 and exponent % 2 == 1 else inf


def _scaled(x: float, exponent: float) -> float:
    try:
        return math.ldexp(x, int(max(min(exponent, _MAX_EXPONENT), -_MAX_EXPONENT)))
    except OverflowError:
        return copysign(inf, x)


def _scaling(bound: float) -> Callable[[float, float], float]:
    """Multiply by a power of two; C converts the exponent to an integer below this bound."""

    def apply(x: float, exponent: float) -> float:
        if -bound <= exponent < bound:
            return _scaled(x, exponent)
        # What C makes of others is undefined; on x86 nothing is left of the number.
        return x if x == 0 or not isfinite(x) else copysign(0.0, x)

    return apply


def _scalb(x: float, exponent: float) -> float:
    if isnan(x) or isnan(exponent):
        return nan
    if isinf(exponent):
        # Zero times infinity and infinity times zero have no value.
        return x * exponent if exponent > 0 else x / -exponent
    return nan if exponent != int(exponent) else _scaled(x, exponent)


# --- Angles -----------------------------------------------------------------------------------


def _sinh(x: float) -> float:
    try:
        return math.sinh(x)
    except OverflowError:
        return copysign(inf, x)


def _atanh(x: float) -> float:
    return copysign(inf, x) if abs(x) == 1 else _guarded(math.atanh)(x)


# --- Gamma ------------------------------------------------------------------------------------


def _tgamma(x: float) -> float:
    if x == 0:
        return copysign(inf, x)
    return _guarded(math.gamma)(x)


def _lgamma(x: float) -> float:
    return _guarded(lambda each: inf if each <= 0 and each == int(each) else math.lgamma(each))(x)


def _lgamma_r(_run: Run, value: Value) -> Value:
    x = _double(value)
    below = isfinite(x) and (x < 0 or (x == 0 and copysign(1, x) < 0))
    # Gamma changes its sign at every pole; at the poles themselves C says plus.
    negative = below and (x == 0 or (x != math.floor(x) and math.floor(x) % 2 == 1))
    return [number(_lgamma(x)), -1 if negative else 1]


# --- Two and three numbers --------------------------------------------------------------------


def _fmin(x: float, y: float) -> float:
    return y if isnan(x) else x if isnan(y) else min(x, y)


def _fmax(x: float, y: float) -> float:
    return y if isnan(x) else x if isnan(y) else max(x, y)


def _fmod(x: float, y: float) -> float:
    return nan if isinf(x) or y == 0 else math.fmod(x, y)


def _remainder(x: float, y: float) -> float:
    return nan if isinf(x) or y == 0 else math.remainder(x, y)


def _fdim(x: float, y: float) -> float:
    if isnan(x) or isnan(y):
        return nan
    return x - y if x > y else 0.0


def _fma(_run: Run, _value: Value, x: Value, y: Value, z: Value) -> Value:
    a, b, c = _double(x), _double(y), _double(z)
    if not (isfinite(a) and isfinite(b) and isfinite(c)):
        # An infinite addend wins over a product that is only too large for a double.
        product_finite = isfinite(a) and isfinite(b)
        return number(c if product_finite and not isfinite(c) else a * b + c)
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    if exact == 0:
        return number(a * b + c)
    try:
        return number(exact.numerator / exact.denominator)
    except OverflowError:
        return inf if exact > 0 else -inf


# --- Kinds of numbers -------------------------------------------------------------------------


def _isinfinite(_run: Run, value: Value) -> Value:
    return is_number(value) and isinf(to_double(value))


def _isnan(_run: Run, value: Value) -> Value:
    return type(value) is float and isnan(value)


def _isnormal(_run: Run, value: Value) -> Value:
    return is_number(value) and float_info.min <= abs(to_double(value)) <= float_info.max


def _infinite(_run: Run, _value: Value) -> Value:
    return inf


def _nan(_run: Run, _value: Value) -> Value:
    return nan


def _abs(_run: Run, value: Value) -> Value:
    """Take away the sign. As in jq, what is above all numbers stays, what is below is an error."""
    if is_number(value):
        return -value if value < 0 else value
    if value is None or type(value) is bool:
        raise OperandError("{} cannot be negated", value)
    return value


_ONE: Final[Mapping[str, Callable[[float], float]]] = {
    "floor": _rounded(math.floor),
    "ceil": _rounded(math.ceil),
    "round": _rounded(_half_away),
    "trunc": _rounded(math.trunc),
    "rint": _rounded(round),
    "nearbyint": _rounded(round),
    "fabs": math.fabs,
    "sqrt": _guarded(math.sqrt),
    "cbrt": _cbrt,
    "significand": _significand,
    "logb": _logb,
    "log": _logarithm(math.log),
    "log2": _logarithm(math.log2),
    "log10": _logarithm(math.log10),
    "log1p": _logarithm(math.log1p, -1.0),
    "exp": _guarded(math.exp),
    "exp2": _exp2,
    "exp10": _exp10,
    "expm1": _guarded(math.expm1),
    "sin": _guarded(math.sin),
    "cos": _guarded(math.cos),
    "tan": _guarded(math.tan),
    "asin": _guarded(math.asin),
    "acos": _guarded(math.acos),
    "atan": math.atan,
    "sinh": _sinh,
    "cosh": _guarded(math.cosh),
    "tanh": math.tanh,
    "asinh": math.asinh,
    "acosh": _guarded(math.acosh),
    "atanh": _atanh,
    "gamma": _lgamma,
    "lgamma": _lgamma,
    "tgamma": _tgamma,
    "erf": math.erf,
    "erfc": math.erfc,
}
_TWO: Final[Mapping[str, Callable[[float, float], float]]] = {
    "pow": _pow,
    "atan2": math.atan2,
    "hypot": math.hypot,
    "fmin": _fmin,
    "fmax": _fmax,
    "fmod": _fmod,
    "drem": _remainder,
    "remainder": _remainder,
    "fdim": _fdim,
    "copysign": copysign,
    "ldexp": _scaling(2.0**31),
    "scalb": _scalb,
    "scalbln": _scaling(2.0**63),
    "nextafter": math.nextafter,
    "nexttoward": math.nextafter,
}
FUNCTIONS: Final[Mapping[tuple[str, int], _Function]] = {
    **{(name, 0): _one(calculate) for name, calculate in _ONE.items()},
    **{(name, 2): _two(calculate) for name, calculate in _TWO.items()},
    ("abs", 0): _abs,
    ("fma", 3): _fma,
    ("frexp", 0): _frexp,
    ("modf", 0): _modf,
    ("lgamma_r", 0): _lgamma_r,
    ("isinfinite", 0): _isinfinite,
    ("isnan", 0): _isnan,
    ("isnormal", 0): _isnormal,
    ("infinite", 0): _infinite,
    ("nan", 0): _nan,
}
