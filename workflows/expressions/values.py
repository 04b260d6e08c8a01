"""What jq means by equal, smaller, true and number. Iterative, so that nesting is no danger."""

from collections.abc import Iterable, Sequence
from functools import cmp_to_key
from math import copysign, isfinite
from typing import Final

from workflows.expressions.errors import JqError, Value
from workflows.expressions.meter import MAX_NESTING, Run

MAX_INT: Final = 2**63
# Above this, doubles have gaps between integers: they stay doubles and are printed as such.
_EXACT: Final = 2**53
# So many characters, as a power of two, are compared for one unit.
_COMPARED_SHIFT: Final = 9
_RANKS: Final[dict[type, int]] = {type(None): 0, int: 3, float: 3, str: 4, list: 5, dict: 6}
_NUMBERS: Final = frozenset({int, float})


def is_number(value: Value) -> bool:
    """Tell whether it is a number; booleans are none."""
    return type(value) in _NUMBERS


def truthy(value: Value) -> bool:
    """Tell whether it counts as true: all but false and null."""
    return value is not None and value is not False


def number(result: float) -> int | float:
    """Give the result of arithmetic its one form: an integer where it is one below 2^63."""
    if type(result) is float:
        if not result.is_integer() or abs(result) >= _EXACT:
            return result
        if result == 0 and copysign(1.0, result) < 0:
            return result
        return int(result)
    return result if -MAX_INT <= result < MAX_INT else to_double(result)


def to_double(value: float) -> float:
    """Convert to a double; what is too large becomes infinite."""
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def to_index(value: float) -> int:
    """Cut the fraction off a number that is to index; infinities become the ends."""
    if type(value) is int:
        return max(min(value, MAX_INT), -MAX_INT)
    if isfinite(value):
        return int(value)
    return -MAX_INT if value < 0 else MAX_INT


def rank(value: Value) -> int:
    """Place of the type in jq's order: null, false, true, numbers, strings, arrays, objects."""
    if value is True:
        return 2
    if value is False:
        return 1
    return _RANKS[type(value)]


def equal(run: Run, left: Value, right: Value) -> bool:
    """Compare for equality.

    Raises:
        JqError: When both are nested too deeply.
        NoFuel: When they are too large for what is left of the budget.
    """
    kind_left, kind_right = type(left), type(right)
    if kind_left is str:
        if kind_right is not str or len(left) != len(right):
            return False
        run.charge(len(left) >> _COMPARED_SHIFT)
        return bool(left == right)
    if left is None or kind_left is bool:
        return kind_left is kind_right and bool(left == right)
    if kind_left in _NUMBERS:
        return kind_right in _NUMBERS and bool(left == right)
    return kind_left is kind_right and _same_containers(run, left, right)


def _same_containers(run: Run, left: Value, right: Value) -> bool:
    level: list[tuple[Value, Value]] = [(left, right)]
    nesting = 0
    while level:
        nesting += 1
        if nesting > MAX_NESTING:
            raise JqError("Equality check too deep")
        inner: list[tuple[Value, Value]] = []
        for one, other in level:
            if len(one) != len(other):
                return False
            run.charge((4 if type(one) is list else 8) * len(one) + 2)
            if isinstance(one, list):
                pairs: Iterable[tuple[Value, Value]] = zip(one, other, strict=True)
            elif one.keys() == other.keys():  # objects
                pairs = ((item, other[key]) for key, item in one.items())
            else:
                return False
            for mine, theirs in pairs:
                kind_mine, kind_theirs = type(mine), type(theirs)
                if kind_mine is kind_theirs:
                    if kind_mine is list or kind_mine is dict:
                        inner.append((mine, theirs))
                    elif kind_mine is str:
                        run.charge(len(mine) >> _COMPARED_SHIFT)
                        if mine != theirs:
                            return False
                    elif mine != theirs:
                        return False
                elif kind_mine not in _NUMBERS or kind_theirs not in _NUMBERS or mine != theirs:
                    return False
        level = inner
    return True


def compare(run: Run, left: Value, right: Value) -> int:
    """Order two values: below 0, 0, or above 0.

    Raises:
        JqError: When both are nested too deeply.
        NoFuel: When they are too large for what is left of the budget.
    """
    # Pairs still to compare, the next one last.
    todo: list[tuple[Value, Value]] = [(left, right)]
    nesting_ends: list[int] = []
    while todo:
        while nesting_ends and len(todo) <= nesting_ends[-1]:
            nesting_ends.pop()
        one, other = todo.pop()
        run.charge(5)
        place, place_other = rank(one), rank(other)
        if place != place_other:
            return place - place_other
        if place < 3:  # noqa: PLR2004 - null and booleans are equal by their place
            continue
        if place == 3:  # noqa: PLR2004 - numbers
            if one < other or one != one:  # noqa: PLR0124 - NaN is below every number
                return -1
            if one == other:
                continue
            return 1
        if place == 4:  # noqa: PLR2004 - strings
            run.charge(min(len(one), len(other)) >> _COMPARED_SHIFT)
            if one != other:
                return -1 if one < other else 1
            continue
        if len(nesting_ends) >= MAX_NESTING:
            raise JqError("Comparison too deep")
        nesting_ends.append(len(todo))
        if place == 5:  # noqa: PLR2004 - arrays
            _push_arrays(run, todo, one, other)
        else:
            _push_objects(run, todo, one, other)
    return 0


def _push_arrays(
    run: Run, todo: list[tuple[Value, Value]], one: list[Value], other: list[Value]
) -> None:
    common = min(len(one), len(other))
    run.charge(2 * common + 2)
    if len(one) != len(other):
        todo.append((len(one), len(other)))
    todo.extend(zip(reversed(one[:common]), reversed(other[:common]), strict=True))


def _push_objects(
    run: Run, todo: list[tuple[Value, Value]], one: dict[str, Value], other: dict[str, Value]
) -> None:
    mine, theirs = sorted(one), sorted(other)
    run.charge(2 * (len(mine) + len(theirs)) + 2)
    if mine != theirs:
        todo.append((mine, theirs))
        return
    todo.extend((one[key], other[key]) for key in reversed(mine))


def sorted_values(run: Run, values: Sequence[Value], keys: Sequence[Value]) -> list[int]:
    """Return the positions of `values` in the order of `keys`; equal keys keep their order.

    Raises:
        JqError: When keys are nested too deeply.
        NoFuel: When there are too many.
    """
    count = len(values)
    rounds = max(1, count.bit_length())
    run.charge(count * rounds // 4 + 2 * count)
    kinds = {type(key) for key in keys}
    if kinds == {str}:
        run.charge(sum(map(len, keys)) * rounds >> _COMPARED_SHIFT)
    plain = kinds == {str} or (kinds <= _NUMBERS and all(key == key for key in keys))  # noqa: PLR0124 - NaN
    if plain:
        return sorted(range(count), key=lambda position: keys[position])

    def by_order(one: int, other: int) -> int:
        return compare(run, keys[one], keys[other])

    return sorted(range(count), key=cmp_to_key(by_order))
