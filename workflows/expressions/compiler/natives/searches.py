"""`isempty`, `any`, `all`, `IN`: yes or no, as soon as it is known."""

from workflows.expressions.compiler.calls import SPECIAL, special
from workflows.expressions.compiler.code import (
    MISSING,
    Code,
    Env,
    Scope,
    compiled,
)
from workflows.expressions.compiler.flow import computed
from workflows.expressions.compiler.natives.shared import HERE, items_of
from workflows.expressions.compiler.updating import (
    first_of,
)
from workflows.expressions.errors import Value
from workflows.expressions.meter import Run
from workflows.expressions.syntax import nodes as n
from workflows.expressions.values import equal


@special("isempty", 1)
def is_empty(node: n.Call, scope: Scope, located: bool) -> Code:
    body = compiled(node.arguments[0], scope)
    found = first_of(body)
    code = Code(
        one=lambda value, env, run: found(value, env, run) is MISSING,
        cost=body.cost + 1,
        frames=body.frames + 2,
        spread=0,
    )
    return computed(code, located)


def _quantifier(name: str, decided: bool) -> None:
    def over(source: n.Node, condition: n.Node, scope: Scope, located: bool) -> Code:
        body = compiled(n.Pipe(source.start, source.end, source, condition), scope)
        many = body.many

        def one(value: Value, env: Env, run: Run) -> Value:
            frames = run.frames
            for found in many(value, env, run):
                run.charge(1)
                if (found is not None and found is not False) is decided:
                    run.frames = frames
                    return decided
            return not decided

        code = Code(one, body.cost + 1, body.frames + 1, 0)
        return computed(code, located)

    SPECIAL[name, 0] = lambda node, scope, located: over(items_of(node), HERE, scope, located)
    SPECIAL[name, 1] = lambda node, scope, located: over(
        items_of(node), node.arguments[0], scope, located
    )
    SPECIAL[name, 2] = lambda node, scope, located: over(
        node.arguments[0], node.arguments[1], scope, located
    )


_quantifier("any", decided=True)
_quantifier("all", decided=False)


@special("IN", 1)
def is_in(node: n.Call, scope: Scope, located: bool) -> Code:
    stream = compiled(node.arguments[0], scope)
    many = stream.many

    def one(value: Value, env: Env, run: Run) -> Value:
        frames = run.frames
        for found in many(value, env, run):
            run.charge(1)
            if equal(run, value, found):
                run.frames = frames
                return True
        return False

    code = Code(one, stream.cost + 1, stream.frames + 3, 0)
    return computed(code, located)


@special("IN", 2)
def any_in(node: n.Call, scope: Scope, located: bool) -> Code:
    source, stream = compiled(node.arguments[0], scope), compiled(node.arguments[1], scope)
    sources, many = source.many, stream.many

    def one(value: Value, env: Env, run: Run) -> Value:
        frames = run.frames
        for item in sources(value, env, run):
            run.charge(stream.cost + 1)
            for found in many(value, env, run):
                run.charge(1)
                if equal(run, item, found):
                    run.frames = frames
                    return True
        return False

    frames = max(source.frames, stream.frames) + 3
    return computed(Code(one, source.cost + 1, frames, 0), located)
