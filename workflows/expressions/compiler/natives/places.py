"""`path`, `paths`, `getpath`, `del`, `pick` and the updates that have a name."""

from collections.abc import Iterator

from workflows.expressions.access import delete_paths, get_path, put_path
from workflows.expressions.builtins.containers import (
    from_entries,
    to_entries,
)
from workflows.expressions.compiler.calls import special
from workflows.expressions.compiler.code import (
    Code,
    Env,
    Scope,
    at_value,
    compiled,
)
from workflows.expressions.compiler.explain import located_error
from workflows.expressions.compiler.flow import computed
from workflows.expressions.compiler.natives.shared import items_of
from workflows.expressions.compiler.paths import NOWHERE
from workflows.expressions.compiler.updating import (
    located_paths,
    modifier,
    walk_frames,
    walker,
)
from workflows.expressions.errors import JqError, ResultError, Value
from workflows.expressions.meter import Run
from workflows.expressions.syntax import nodes as n


@special("path", 1)
def path(node: n.Call, scope: Scope, located: bool) -> Code:
    body = compiled(node.arguments[0], scope, located=True)
    paths = located_paths(body)

    def each(value: Value, env: Env, run: Run) -> Iterator[Value]:
        for found in paths(value, env, run):
            yield list(found)

    return computed(Code(many=each, cost=body.cost + 2, frames=body.frames + 3), located)


@special("paths")
def all_paths(node: n.Call, scope: Scope, located: bool) -> Code:
    return _paths(node, None, scope, located)


@special("paths", 1)
def some_paths(node: n.Call, scope: Scope, located: bool) -> Code:
    return _paths(node, node.arguments[0], scope, located)


def _paths(node: n.Call, condition: n.Node | None, scope: Scope, located: bool) -> Code:
    everything: n.Node = n.RecurseDefault(node.start, node.end)
    descend = compiled(everything, scope, located=True).many
    held = compiled(condition, scope) if condition is not None else None
    test = held.many if held is not None else None

    def each(value: Value, env: Env, run: Run) -> Iterator[Value]:
        for found, item in descend(((), value), env, run):
            run.charge(4)
            if test is None:
                if found:
                    yield list(found)
                continue
            for result in test(item, env, run):
                if found and result is not None and result is not False:
                    yield list(found)

    frames = (held.frames if held else 0) + 4
    return computed(Code(many=each, cost=(held.cost if held else 0) + 2, frames=frames), located)


def _part(run: Run, target: Value, path: Value, *, lost: bool) -> Value:
    if lost and path:
        raise ResultError("Invalid path expression with result {}", target)
    return get_path(run, target, path)


@special("getpath", 1)
def getpath(node: n.Call, scope: Scope, located: bool) -> Code:
    paths = at_value(compiled(node.arguments[0], scope), located)
    many = paths.many

    def found(value: Value, wanted: Value, env: Env, run: Run) -> Value:
        here, target = value if located else ((), value)
        try:
            part = _part(run, target, wanted, lost=located and here is NOWHERE)
        except JqError as error:
            raise located_error(error, node, target, env, run) from None
        return ((*here, *wanted), part) if located else part

    def each(value: Value, env: Env, run: Run) -> Iterator[Value]:
        for wanted in many(value, env, run):
            run.charge(2)
            yield found(value, wanted, env, run)

    cost, frames = paths.cost + 3, paths.frames + 4
    if paths.one is not None:
        single = paths.one
        return Code(
            one=lambda value, env, run: found(value, single(value, env, run), env, run),
            cost=cost,
            frames=frames,
            spread=1,
        )
    return Code(many=each, cost=cost, frames=frames)


@special("del", 1)
def delete(node: n.Call, scope: Scope, located: bool) -> Code:
    body = compiled(node.arguments[0], scope, located=True)
    paths = located_paths(body)

    def one(value: Value, env: Env, run: Run) -> Value:
        try:
            doomed = [list(each) for each in paths(value, env, run)]
            return delete_paths(run, value, doomed)
        except JqError as error:
            raise located_error(error, node, value, env, run) from None

    code = Code(one, body.cost + 3, body.frames + 4, 1)
    return computed(code, located)


@special("pick", 1)
def pick(node: n.Call, scope: Scope, located: bool) -> Code:
    body = compiled(node.arguments[0], scope, located=True)
    paths = located_paths(body)

    def one(value: Value, env: Env, run: Run) -> Value:
        made: Value = None
        try:
            for each in paths(value, env, run):
                keys = list(each)
                made = put_path(run, made, keys, get_path(run, value, keys))
        except JqError as error:
            raise located_error(error, node, value, env, run) from None
        return made

    return computed(Code(one=one, cost=body.cost + 3, frames=body.frames + 4), located)


@special("map_values", 1)
def map_values(node: n.Call, scope: Scope, located: bool) -> Code:
    items = items_of(node)
    update = compiled(node.arguments[0], scope)
    code = modifier(node, walker(items, scope), update, walk_frames(items))
    return computed(code, located)


@special("with_entries", 1)
def with_entries(node: n.Call, scope: Scope, located: bool) -> Code:
    body = compiled(node.arguments[0], scope)
    many = body.many

    def one(value: Value, env: Env, run: Run) -> Value:
        try:
            entries = to_entries(run, value)
            run.charge(len(entries) * (body.cost + 1))
            made = [each for entry in entries for each in many(entry, env, run)]
            run.charge(len(made))
            return from_entries(run, made)
        except JqError as error:
            raise located_error(error, node, value, env, run) from None

    return computed(Code(one=one, cost=body.cost + 3, frames=body.frames + 4), located)
