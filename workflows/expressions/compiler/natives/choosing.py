"""`empty`, `error`, `select` and its kin: what goes on, and what does not."""

from collections.abc import Callable, Iterator
from typing import Final

from workflows.expressions.compiler.calls import SPECIAL, special
from workflows.expressions.compiler.code import (
    MISSING,
    Code,
    Env,
    Scope,
    at_value,
    compiled,
)
from workflows.expressions.compiler.natives.shared import items_of
from workflows.expressions.compiler.updating import (
    first_of,
)
from workflows.expressions.errors import JqError, Value
from workflows.expressions.meter import Run
from workflows.expressions.printing import kind
from workflows.expressions.syntax import nodes as n


@special("empty")
def empty(_node: n.Call, _scope: Scope, _located: bool) -> Code:
    return Code(maybe=lambda _value, _env, _run: MISSING, spread=0)


@special("error")
def error_of_input(node: n.Call, _scope: Scope, located: bool) -> Code:
    def one(value: Value, _env: Env, _run: Run) -> Value:
        error = JqError(value[1] if located else value, raised=True)
        error.span = (node.start, node.end)
        raise error

    return Code(one, cost=20, spread=0)


@special("error", 1)
def error_of(node: n.Call, scope: Scope, located: bool) -> Code:
    message = at_value(compiled(node.arguments[0], scope), located)
    first = first_of(message)

    def maybe(value: Value, env: Env, run: Run) -> Value:
        text = first(value, env, run)
        if text is MISSING:
            return MISSING
        error = JqError(text, raised=True)
        error.span = (node.start, node.end)
        raise error

    cost, frames = message.cost + 20, message.frames + 1
    return Code(maybe=maybe, cost=cost, frames=frames, spread=0)


@special("select", 1)
def select(node: n.Call, scope: Scope, located: bool) -> Code:
    condition = at_value(compiled(node.arguments[0], scope), located)
    cost, frames = condition.cost + 1, condition.frames + 1
    if condition.one is not None:
        held = condition.one

        def maybe(value: Value, env: Env, run: Run) -> Value:
            found = held(value, env, run)
            return MISSING if found is None or found is False else value

        return Code(maybe=maybe, cost=cost, frames=frames, spread=1)
    many = condition.many

    def each(value: Value, env: Env, run: Run) -> Iterator[Value]:
        for found in many(value, env, run):
            run.charge(1)
            if found is not None and found is not False:
                yield value

    return Code(many=each, cost=cost, frames=frames)


def _of_kinds(*kinds: str) -> Callable[[n.Call, Scope, bool], Code]:
    def compile_it(_node: n.Call, _scope: Scope, located: bool) -> Code:
        def maybe(value: Value, _env: Env, _run: Run) -> Value:
            return value if kind(value[1] if located else value) in kinds else MISSING

        return Code(maybe=maybe, spread=1)

    return compile_it


_SCALARS: Final = ("null", "boolean", "number", "string")
for _name, _kinds in {
    "arrays": ("array",),
    "booleans": ("boolean",),
    "iterables": ("array", "object"),
    "nulls": ("null",),
    "numbers": ("number",),
    "objects": ("object",),
    "scalars": _SCALARS,
    "strings": ("string",),
    "values": ("boolean", "number", "string", "array", "object"),
}.items():
    SPECIAL[_name, 0] = _of_kinds(*_kinds)


@special("map", 1)
def map_each(node: n.Call, scope: Scope, located: bool) -> Code:
    body = n.Pipe(node.start, node.end, items_of(node), node.arguments[0])
    return compiled(n.Array(node.start, node.end, body), scope, located)
