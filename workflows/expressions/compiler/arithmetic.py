"""Operators: arithmetic, comparison, `and`, `or`, `-x`."""

from collections.abc import Callable, Iterator
from typing import Final, TypeGuard

from workflows.expressions.compiler.code import (
    Code,
    Env,
    One,
    Scope,
    compiled,
    compiles,
    together,
)
from workflows.expressions.compiler.explain import located_error
from workflows.expressions.compiler.flow import computed
from workflows.expressions.errors import JqError, Value
from workflows.expressions.meter import Run
from workflows.expressions.operators import ARITHMETIC, COMPARISONS, negate
from workflows.expressions.syntax import nodes as n
from workflows.expressions.values import MAX_INT

_Operation = Callable[[Run, Value, Value], Value]
_OPERATIONS: Final[dict[str, _Operation]] = {**ARITHMETIC, **COMPARISONS}
# What may give containers or texts of its operands again.
_KEEPING: Final = frozenset("+-*")
# The sum of two integers below this is one that is exact.
_SMALL: Final = MAX_INT // 2


@compiles(n.Binary)
def compile_binary(node: n.Binary, scope: Scope, located: bool, _tail: bool) -> Code:
    left = compiled(node.left, scope)
    operation = _OPERATIONS[node.operator]
    if left.one is not None and _is_scalar(node.right):
        one = _with_constant(node, left.one, node.right.value, operation)
        spread = left.spread if node.operator in _KEEPING else 0
        code = Code(one, left.cost + 1, left.frames + 2, spread)
        return computed(code, located)
    right = compiled(node.right, scope)
    cost, frames = left.cost + right.cost + 2, max(left.frames, right.frames) + 2
    first, second = left.one, right.one
    if first is not None and second is not None:
        one = _FAST.get(node.operator, _general)(node, first, second, operation)
        spread = together(left.spread, right.spread) if node.operator in _KEEPING else 0
        return computed(Code(one, cost, frames, spread), located)
    lefts, rights = left.many, right.many

    def combinations(value: Value, env: Env, run: Run) -> Iterator[Value]:
        for other in rights(value, env, run):
            run.charge(left.cost + 1)
            for mine in lefts(value, env, run):
                run.charge(4)
                try:
                    result = operation(run, mine, other)
                except JqError as error:
                    raise located_error(error, node, value, env, run) from None
                yield result

    return computed(Code(many=combinations, cost=cost, frames=frames), located)


def _is_scalar(node: n.Node) -> TypeGuard[n.Literal]:
    """Tell whether something is written out and can be given to anybody: nobody can change it."""
    return type(node) is n.Literal and not isinstance(node.value, (list, dict))


def _with_constant(node: n.Binary, left: One, constant: Value, operation: _Operation) -> One:
    """Most conditions compare with a small number or a text."""
    if type(constant) is int and -_SMALL < constant < _SMALL:
        short = _SHORT.get(node.operator)
        if short is not None:
            return short(node, left, constant, operation)
    elif type(constant) is str and node.operator == "==":
        return lambda value, env, run: left(value, env, run) == constant
    return _FAST.get(node.operator, _general)(
        node, left, lambda _value, _env, _run: constant, operation
    )


def _general(node: n.Binary, left: One, right: One, operation: _Operation) -> One:
    def one(value: Value, env: Env, run: Run) -> Value:
        other = right(value, env, run)
        mine = left(value, env, run)
        try:
            return operation(run, mine, other)
        except JqError as error:
            raise located_error(error, node, value, env, run) from None

    return one


def _quotient(node: n.Binary, left: One, right: One, operation: _Operation) -> One:
    def one(value: Value, env: Env, run: Run) -> Value:
        other = right(value, env, run)
        mine = left(value, env, run)
        if type(mine) is int and type(other) is int and 0 < other < MAX_INT > mine >= 0:
            result = mine / other
            return mine // other if mine % other == 0 else result
        return _finish(node, operation, mine, other, value, env, run)

    return one


def _product(node: n.Binary, left: One, right: One, operation: _Operation) -> One:
    def one(value: Value, env: Env, run: Run) -> Value:
        other = right(value, env, run)
        mine = left(value, env, run)
        if type(mine) is float and (type(other) is int or type(other) is float):
            result = mine * other if -MAX_INT < other < MAX_INT else None
            if result is not None and not result.is_integer():
                return result
        return _finish(node, operation, mine, other, value, env, run)

    return one


def _finish(
    node: n.Binary,
    operation: _Operation,
    mine: Value,
    other: Value,
    value: Value,
    env: Env,
    run: Run,
) -> Value:
    """Operate on any values; no closure, since every compilation would have to make it."""
    try:
        return operation(run, mine, other)
    except JqError as error:
        raise located_error(error, node, value, env, run) from None


def _total(node: n.Binary, left: One, right: One, operation: _Operation) -> One:
    def one(value: Value, env: Env, run: Run) -> Value:
        other = right(value, env, run)
        mine = left(value, env, run)
        if type(mine) is int and type(other) is int and -_SMALL < mine < _SMALL > other > -_SMALL:
            return mine + other
        return _finish(node, operation, mine, other, value, env, run)

    return one


_FAST: Final = {"/": _quotient, "*": _product, "+": _total}


# With a small integer on the right, as in most conditions: plain numbers need no dispatch.


def _greater(node: n.Binary, left: One, constant: Value, operation: _Operation) -> One:
    def one(value: Value, env: Env, run: Run) -> Value:
        mine = left(value, env, run)
        if type(mine) is int or type(mine) is float:
            return mine > constant
        return _finish(node, operation, mine, constant, value, env, run)

    return one


def _at_least(node: n.Binary, left: One, constant: Value, operation: _Operation) -> One:
    def one(value: Value, env: Env, run: Run) -> Value:
        mine = left(value, env, run)
        if type(mine) is int or type(mine) is float:
            return mine >= constant
        return _finish(node, operation, mine, constant, value, env, run)

    return one


def _less(node: n.Binary, left: One, constant: Value, operation: _Operation) -> One:
    def one(value: Value, env: Env, run: Run) -> Value:
        mine = left(value, env, run)
        if type(mine) is int:
            return mine < constant
        return _finish(node, operation, mine, constant, value, env, run)

    return one


def _at_most(node: n.Binary, left: One, constant: Value, operation: _Operation) -> One:
    def one(value: Value, env: Env, run: Run) -> Value:
        mine = left(value, env, run)
        if type(mine) is int:
            return mine <= constant
        return _finish(node, operation, mine, constant, value, env, run)

    return one


def _sum(node: n.Binary, left: One, constant: Value, operation: _Operation) -> One:
    def one(value: Value, env: Env, run: Run) -> Value:
        mine = left(value, env, run)
        if type(mine) is int and -_SMALL < mine < _SMALL:
            return mine + constant
        return _finish(node, operation, mine, constant, value, env, run)

    return one


def _difference(node: n.Binary, left: One, constant: Value, operation: _Operation) -> One:
    def one(value: Value, env: Env, run: Run) -> Value:
        mine = left(value, env, run)
        if type(mine) is int and -_SMALL < mine < _SMALL:
            return mine - constant
        return _finish(node, operation, mine, constant, value, env, run)

    return one


_SHORT: Final[dict[str, Callable[[n.Binary, One, Value, _Operation], One]]] = {
    ">": _greater,
    ">=": _at_least,
    "<": _less,
    "<=": _at_most,
    "+": _sum,
    "-": _difference,
}


@compiles(n.Negate)
def compile_negate(node: n.Negate, scope: Scope, located: bool, _tail: bool) -> Code:
    body = compiled(node.body, scope)

    def negated(value: Value, item: Value, env: Env, run: Run) -> Value:
        try:
            return negate(run, item)
        except JqError as error:
            raise located_error(error, node, value, env, run) from None

    inner, many = body.one, body.many if body.one is None else None
    if inner is not None:
        single = inner
        code = Code(
            one=lambda value, env, run: negated(value, single(value, env, run), env, run),
            cost=body.cost + 1,
            frames=body.frames + 3,
            spread=0,
        )
        return computed(code, located)
    assert many is not None  # noqa: S101 - it is one or the other

    def each(value: Value, env: Env, run: Run) -> Iterator[Value]:
        for item in many(value, env, run):
            run.charge(1)
            yield negated(value, item, env, run)

    return computed(Code(many=each, cost=body.cost + 1, frames=body.frames + 3), located)


@compiles(n.Logic)
def compile_logic(node: n.Logic, scope: Scope, located: bool, _tail: bool) -> Code:
    left, right = compiled(node.left, scope), compiled(node.right, scope)
    cost, frames = left.cost + right.cost + 1, max(left.frames, right.frames) + 2
    first, second = left.one, right.one
    decided = node.operator == "or"
    if first is not None and second is not None:
        one = _either(first, second) if decided else _both(first, second)
        return computed(Code(one, cost, frames, 0), located)
    lefts, rights = left.many, right.many

    def many(value: Value, env: Env, run: Run) -> Iterator[Value]:
        for mine in lefts(value, env, run):
            run.charge(right.cost + 1)
            if (mine is not None and mine is not False) is decided:
                yield decided
                continue
            for other in rights(value, env, run):
                run.charge(1)
                yield other is not None and other is not False

    return computed(Code(many=many, cost=cost, frames=frames), located)


def _both(first: One, second: One) -> One:
    def both(value: Value, env: Env, run: Run) -> Value:
        mine = first(value, env, run)
        if mine is None or mine is False:
            return False
        other = second(value, env, run)
        return other is not None and other is not False

    return both


def _either(first: One, second: One) -> One:
    def either(value: Value, env: Env, run: Run) -> Value:
        mine = first(value, env, run)
        if mine is not None and mine is not False:
            return True
        other = second(value, env, run)
        return other is not None and other is not False

    return either
