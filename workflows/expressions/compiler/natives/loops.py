"""`range`, `while`, `until`, `repeat`, `recurse`: loops that need no stack."""

from collections.abc import Callable, Iterator
from typing import Final

from workflows.expressions.compiler.calls import combinations, special
from workflows.expressions.compiler.code import (
    MISSING,
    Code,
    Env,
    Many,
    One,
    Scope,
    at_value,
    compiled,
)
from workflows.expressions.compiler.flow import computed, joined
from workflows.expressions.compiler.natives.choosing import select
from workflows.expressions.errors import JqError, Value
from workflows.expressions.meter import Run
from workflows.expressions.syntax import nodes as n
from workflows.expressions.values import is_number, number, to_double

# range() checks the budget once per so many numbers.
_CHUNK: Final = 64
_FAR: Final = 2**62


@special("range", 1)
def range_to(node: n.Call, scope: Scope, located: bool) -> Code:
    zero = n.Literal(node.start, node.end, 0)
    return _range(node, [zero, *node.arguments], scope, located)


@special("range", 2)
def range_between(node: n.Call, scope: Scope, located: bool) -> Code:
    return _range(node, node.arguments, scope, located)


@special("range", 3)
def range_by(node: n.Call, scope: Scope, located: bool) -> Code:
    return _range(node, node.arguments, scope, located)


def _range(node: n.Call, arguments: list[n.Node], scope: Scope, located: bool) -> Code:
    codes = [compiled(each, scope) for each in arguments]
    parts = [code.many for code in reversed(codes)]
    stepped = len(arguments) == 3  # noqa: PLR2004 - from, to and by

    def each(value: Value, env: Env, run: Run) -> Iterator[Value]:
        # The first argument varies slowest.
        for given in combinations(parts, value, env, run):
            low, high, *by = reversed(given)
            if not all(map(is_number, given)):
                error = JqError("Range bounds must be numeric")
                error.span = (node.start, node.end)
                raise error
            yield from _numbers(run, low, high, by[0] if stepped else 1)

    cost = sum(code.cost for code in codes) + 2
    frames = max(code.frames for code in codes) + 4
    return computed(Code(many=each, cost=cost, frames=frames, spread=0), located)


def _numbers(run: Run, low: float, high: float, by: float) -> Iterator[Value]:
    if type(low) is int and type(by) is int and by and high == high:  # noqa: PLR0124 - NaN
        # Beyond this nothing comes: the budget is used up long before.
        high = max(min(high, low + _FAR), low - _FAR)
        end = -int(-high // 1) if by > 0 else int(high // 1)
        numbers = range(low, end, by)
        for start in range(0, len(numbers), _CHUNK):
            chunk = numbers[start : start + _CHUNK]
            run.charge(len(chunk))
            yield from chunk
        return
    position = low
    while (position < high) if by > 0 else (position > high) if by < 0 else False:
        run.charge(2)
        yield position
        position = number(to_double(position) + by)


@special("while", 2)
def while_holds(node: n.Call, scope: Scope, located: bool) -> Code:
    condition = at_value(compiled(node.arguments[0], scope), located)
    update = compiled(node.arguments[1], scope, located)
    frames = max(condition.frames, update.frames) + 4
    cost = condition.cost + update.cost + 3
    if condition.one is not None and update.maybe is not None:
        return Code(many=_while(condition.one, update.maybe, cost), cost=cost, frames=frames)
    conditions, updates = condition.many, update.many
    cost += _DESCENT

    def each(value: Value, env: Env, run: Run) -> Iterator[Value]:
        def turn(state: Value) -> Iterator[tuple[bool, Value]]:
            for held in conditions(state, env, run):
                run.charge(cost)
                if held is not None and held is not False:
                    yield True, state
                    for new in updates(state, env, run):
                        yield False, new

        yield from _turns(turn, value)

    return Code(many=each, cost=cost, frames=frames)


def _while(condition: One, update: One, cost: int) -> Many:
    def loop(value: Value, env: Env, run: Run) -> Iterator[Value]:
        while value is not MISSING:
            run.charge(cost)
            held = condition(value, env, run)
            if held is None or held is False:
                return
            yield value
            value = update(value, env, run)

    return loop


# Keeping a generator for later: memory, and the way back through all of them.
_DESCENT: Final = 8


def _turns(turn: Callable[[Value], Iterator[tuple[bool, Value]]], value: Value) -> Iterator[Value]:
    """Drive a loop depth first: outputs are given, new states are entered."""
    stack = [turn(value)]
    while stack:
        for is_output, state in stack[-1]:
            if is_output:
                yield state
            else:
                stack.append(turn(state))
                break
        else:
            stack.pop()


@special("until", 2)
def until_holds(node: n.Call, scope: Scope, located: bool) -> Code:
    condition = at_value(compiled(node.arguments[0], scope), located)
    update = compiled(node.arguments[1], scope, located)
    cost = condition.cost + update.cost + 2
    frames = max(condition.frames, update.frames) + 4
    if condition.one is not None and update.one is not None:
        done, step = condition.one, update.one

        def one(value: Value, env: Env, run: Run) -> Value:
            while True:
                run.fuel -= cost
                if run.fuel < 0:
                    run.charge(0)
                held = done(value, env, run)
                if held is not None and held is not False:
                    return value
                value = step(value, env, run)

        return Code(one=one, cost=2, frames=frames)
    conditions, updates = condition.many, update.many
    cost += _DESCENT

    def each(value: Value, env: Env, run: Run) -> Iterator[Value]:
        def turn(state: Value) -> Iterator[tuple[bool, Value]]:
            for held in conditions(state, env, run):
                run.charge(cost)
                if held is not None and held is not False:
                    yield True, state
                else:
                    for new in updates(state, env, run):
                        yield False, new

        yield from _turns(turn, value)

    return Code(many=each, cost=2, frames=frames)


@special("repeat", 1)
def repeat(node: n.Call, scope: Scope, located: bool) -> Code:
    body = compiled(node.arguments[0], scope, located)
    many, cost = body.many, body.cost + 2

    def each(value: Value, env: Env, run: Run) -> Iterator[Value]:
        while True:
            run.charge(cost)
            yield from many(value, env, run)

    return Code(many=each, cost=2, frames=body.frames + 1)


@special("recurse")
def recurse(node: n.Call, scope: Scope, located: bool) -> Code:
    return compiled(n.RecurseDefault(node.start, node.end), scope, located)


@special("recurse", 1)
def recurse_by(node: n.Call, scope: Scope, located: bool) -> Code:
    return _recurse(compiled(node.arguments[0], scope, located))


@special("recurse", 2)
def recurse_while(node: n.Call, scope: Scope, located: bool) -> Code:
    step = compiled(node.arguments[0], scope, located)
    chosen = select(n.Call(node.start, node.end, "select", [node.arguments[1]]), scope, located)
    return _recurse(joined(step, chosen))


def _recurse(body: Code) -> Code:
    many, cost = body.many, body.cost + _DESCENT
    if body.maybe is not None:
        step, step_cost = body.maybe, body.cost + 2

        def chain(value: Value, env: Env, run: Run) -> Iterator[Value]:
            while value is not MISSING:
                run.charge(step_cost)
                yield value
                value = step(value, env, run)

        return Code(many=chain, cost=cost, frames=body.frames + 1)

    def each(value: Value, env: Env, run: Run) -> Iterator[Value]:
        yield value
        stack = [iter(many(value, env, run))]
        while stack:
            run.charge(cost)
            for found in stack[-1]:
                yield found
                stack.append(iter(many(found, env, run)))
                break
            else:
                stack.pop()

    return Code(many=each, cost=cost, frames=body.frames + 3)
