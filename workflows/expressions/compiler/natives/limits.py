"""`first`, `last`, `nth`, `limit`, `skip`: part of what a program gives."""

from collections.abc import Callable, Iterator

from workflows.expressions.compiler.calls import special
from workflows.expressions.compiler.code import (
    MISSING,
    Code,
    Env,
    Many,
    Scope,
    at_value,
    compiled,
)
from workflows.expressions.compiler.explain import located_error
from workflows.expressions.compiler.natives.shared import HERE
from workflows.expressions.compiler.updating import (
    first_of,
)
from workflows.expressions.errors import JqError, OperandError, Value
from workflows.expressions.meter import Run
from workflows.expressions.syntax import nodes as n
from workflows.expressions.values import is_number


@special("first", 1)
def first(node: n.Call, scope: Scope, located: bool) -> Code:
    body = compiled(node.arguments[0], scope, located)
    cost, frames = body.cost + 1, body.frames + 1
    return Code(maybe=first_of(body), cost=cost, frames=frames, spread=body.spread)


@special("first")
def first_item(node: n.Call, scope: Scope, located: bool) -> Code:
    return compiled(_position(node, 0), scope, located)


@special("last")
def last_item(node: n.Call, scope: Scope, located: bool) -> Code:
    return compiled(_position(node, -1), scope, located)


@special("nth", 1)
def nth_item(node: n.Call, scope: Scope, located: bool) -> Code:
    return compiled(n.Index(node.start, node.end, HERE, node.arguments[0]), scope, located)


def _position(node: n.Call, position: int) -> n.Node:
    return n.Index(node.start, node.end, HERE, n.Literal(node.start, node.end, position))


@special("last", 1)
def last(node: n.Call, scope: Scope, located: bool) -> Code:
    body = compiled(node.arguments[0], scope, located)
    many = body.many

    def maybe(value: Value, env: Env, run: Run) -> Value:
        result: Value = MISSING
        for found in many(value, env, run):
            run.charge(1)
            result = found
        return result

    cost, frames = body.cost + 1, body.frames + 1
    return Code(maybe=maybe, cost=cost, frames=frames, spread=body.spread)


def _counted(
    node: n.Call, scope: Scope, located: bool, take: Callable[[Many, Value], Many]
) -> Code:
    """Compile `f($n; body)` where `take(body, n)` gives what is left of the body's outputs."""
    count = at_value(compiled(node.arguments[0], scope), located)
    body = compiled(node.arguments[1], scope, located)
    counts, bodies = count.many, body.many

    def each(value: Value, env: Env, run: Run) -> Iterator[Value]:
        for number_of in counts(value, env, run):
            run.charge(body.cost + 2)
            try:
                outputs = take(bodies, number_of)
            except JqError as error:
                plain = value[1] if located else value
                raise located_error(error, node, plain, env, run) from None
            frames = run.frames
            yield from outputs(value, env, run)
            run.frames = frames

    frames = max(count.frames, body.frames) + 3
    return Code(many=each, cost=count.cost + body.cost + 2, frames=frames)


@special("limit", 2)
def limit(node: n.Call, scope: Scope, located: bool) -> Code:
    def take(body: Many, count: Value) -> Many:
        left = _count(count, "limit doesn't support negative count")

        def limited(value: Value, env: Env, run: Run) -> Iterator[Value]:
            if left <= 0:
                return
            for given, found in enumerate(body(value, env, run), 1):
                run.charge(1)
                yield found
                if given >= left:
                    return

        return limited

    return _counted(node, scope, located, take)


@special("skip", 2)
def skip(node: n.Call, scope: Scope, located: bool) -> Code:
    def take(body: Many, count: Value) -> Many:
        return _skipped(body, _count(count, "skip doesn't support negative count"))

    return _counted(node, scope, located, take)


@special("nth", 2)
def nth(node: n.Call, scope: Scope, located: bool) -> Code:
    def take(body: Many, count: Value) -> Many:
        rest = _skipped(body, _count(count, "nth doesn't support negative indices"))

        def one(value: Value, env: Env, run: Run) -> Iterator[Value]:
            for found in rest(value, env, run):
                yield found
                return

        return one

    return _counted(node, scope, located, take)


def _skipped(body: Many, count: float) -> Many:
    def rest(value: Value, env: Env, run: Run) -> Iterator[Value]:
        for passed, found in enumerate(body(value, env, run)):
            run.charge(1)
            if passed + 1 > count:
                yield found

    return rest


def _count(count: Value, message: str) -> float:
    if not is_number(count):
        if count is None or type(count) is bool:
            raise JqError(message)
        raise OperandError("{} and number (1) cannot be subtracted", count)
    if count < 0:
        raise JqError(message)
    return float("inf") if count != count else count  # noqa: PLR0124 - NaN
