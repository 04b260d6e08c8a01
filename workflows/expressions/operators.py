"""Arithmetic of jq on any two values. The compiler takes short cuts for plain numbers."""

from collections.abc import Callable, Mapping
from typing import Final

from workflows.expressions.builtins.text import repeat_text, split_text
from workflows.expressions.errors import JqError, OperandError, Value
from workflows.expressions.meter import MAX_NESTING, Run
from workflows.expressions.values import MAX_INT, compare, equal, is_number, number, to_double


def add(run: Run, left: Value, right: Value) -> Value:
    """`left + right`

    Raises:
        JqError: When the types do not go together.
    """
    if left is None:
        return right
    if right is None:
        return left
    if is_number(left) and is_number(right):
        return _exact_or_double(left, right, int.__add__, float.__add__)
    kind = type(left)
    if kind is type(right):
        if kind is str:
            run.charge_text(len(left) + len(right))
            return left + right
        if kind is list:
            run.charge_items(len(left) + len(right))
            return left + right
        if kind is dict:
            run.charge_entries(len(left) + len(right))
            return {**left, **right}
    raise OperandError("{} and {} cannot be added", left, right)


def subtract(run: Run, left: Value, right: Value) -> Value:
    """`left - right`

    Raises:
        JqError: When the types do not go together.
    """
    if is_number(left) and is_number(right):
        return _exact_or_double(left, right, int.__sub__, float.__sub__)
    if type(left) is list and type(right) is list:
        return _difference(run, left, right)
    raise OperandError("{} and {} cannot be subtracted", left, right)


def _difference(run: Run, left: list[Value], right: list[Value]) -> list[Value]:
    run.charge_items(len(left))
    if all(type(item) is str for item in right):
        gone = set(right)
        run.charge(len(left) + len(right))
        return [item for item in left if type(item) is not str or item not in gone]
    run.charge(4 * len(left) * len(right))
    return [item for item in left if not any(equal(run, item, other) for other in right)]


def multiply(run: Run, left: Value, right: Value) -> Value:
    """`left * right`: numbers, repetition of a text, or a deep merge of objects.

    Raises:
        JqError: When the types do not go together.
    """
    if is_number(left) and is_number(right):
        return _exact_or_double(left, right, int.__mul__, float.__mul__)
    if type(left) is str and is_number(right):
        return repeat_text(run, left, right)
    if type(right) is str and is_number(left):
        return repeat_text(run, right, left)
    if type(left) is dict and type(right) is dict:
        return _merged(run, left, right)
    raise OperandError("{} and {} cannot be multiplied", left, right)


def _merged(run: Run, left: dict[str, Value], right: dict[str, Value]) -> Value:
    """Merge objects key by key, level by level."""
    run.charge_entries(len(left) + len(right))
    made = dict(left)
    level = [(made, right)]
    nesting = 0
    while level:
        nesting += 1
        if nesting > MAX_NESTING + 1:
            raise JqError("Object merge too deep")
        deeper = []
        for target, source in level:
            run.charge(6 * len(source) + 4)
            for key, item in source.items():
                mine = target.get(key)
                if type(item) is dict and type(mine) is dict:
                    run.charge_entries(len(mine))
                    target[key] = copied = dict(mine)
                    deeper.append((copied, item))
                else:
                    target[key] = item
        level = deeper
    return made


def divide(run: Run, left: Value, right: Value) -> Value:
    """`left / right`: numbers, or a text split by another.

    Raises:
        JqError: When the types do not go together, or the divisor is zero.
    """
    if is_number(left) and is_number(right):
        if right == 0:
            raise OperandError(
                "{} and {} cannot be divided because the divisor is zero", left, right
            )
        if type(left) is int and type(right) is int and _fits(left) and _fits(right):
            whole, rest = divmod(left, right)
            return whole if rest == 0 and _fits(whole) else number(left / right)
        return number(to_double(left) / to_double(right))
    if type(left) is str and type(right) is str:
        return split_text(run, left, right)
    raise OperandError("{} and {} cannot be divided", left, right)


def modulo(_run: Run, left: Value, right: Value) -> Value:
    """`left % right` of both without their fractions; the sign is that of the left.

    Raises:
        JqError: When they are not numbers, or the divisor is below one.
    """
    if not is_number(left) or not is_number(right):
        raise OperandError("{} and {} cannot be divided (remainder)", left, right)
    if left != left or right != right:  # noqa: PLR0124 - NaN
        return float("nan")
    divisor = abs(_whole(right))
    if divisor == 0:
        raise OperandError(
            "{} and {} cannot be divided (remainder) because the divisor is zero", left, right
        )
    dividend = _whole(left)
    rest = abs(dividend) % divisor
    return -rest if dividend < 0 else rest


def _whole(value: float) -> int:
    """Cut the fraction off, and what does not fit into 64 bits, as C jq does."""
    if abs(value) >= MAX_INT:
        return MAX_INT - 1 if value > 0 else -MAX_INT
    return int(value)


def negate(_run: Run, value: Value) -> Value:
    """`-value`

    Raises:
        JqError: When it is not a number.
    """
    if not is_number(value):
        raise OperandError("{} cannot be negated", value)
    return -value if type(value) is float else number(-value)


def _fits(value: int) -> bool:
    return -MAX_INT <= value < MAX_INT


def _exact_or_double(
    left: Value,
    right: Value,
    exact: Callable[[int, int], int],
    double: Callable[[float, float], float],
) -> Value:
    if type(left) is int and type(right) is int and _fits(left) and _fits(right):
        return number(exact(left, right))
    return number(double(to_double(left), to_double(right)))


ARITHMETIC: Final[Mapping[str, Callable[[Run, Value, Value], Value]]] = {
    "+": add,
    "-": subtract,
    "*": multiply,
    "/": divide,
    "%": modulo,
}
COMPARISONS: Final[Mapping[str, Callable[[Run, Value, Value], bool]]] = {
    "==": equal,
    "!=": lambda run, left, right: not equal(run, left, right),
    "<": lambda run, left, right: compare(run, left, right) < 0,
    "<=": lambda run, left, right: compare(run, left, right) <= 0,
    ">": lambda run, left, right: compare(run, left, right) > 0,
    ">=": lambda run, left, right: compare(run, left, right) >= 0,
}
