"""Assignments: `=`, `|=`, `+=` and their kin, and `del`.

Where the left side is a plain path (`.a[].b`, `select` included), the value is rebuilt in one walk.
Everything else is done as jq defines it: all paths first, then one change after the other.
"""

from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from workflows.expressions.access import (
    Path,
    children,
    delete_paths,
    get,
    get_path,
    put,
    put_path,
)
from workflows.expressions.compiler.code import (
    HEAVY,
    MISSING,
    Code,
    Env,
    Many,
    One,
    Scope,
    compiled,
    compiles,
)
from workflows.expressions.compiler.explain import located_error
from workflows.expressions.compiler.flow import computed
from workflows.expressions.compiler.paths import NOWHERE
from workflows.expressions.errors import JqError, ResultError, Value
from workflows.expressions.meter import Run
from workflows.expressions.operators import ARITHMETIC
from workflows.expressions.syntax import nodes as n
from workflows.expressions.syntax.lexer import Problem

# What a walk gives where nothing was selected: not even a key may appear.
UNTOUCHED: Final = object()
# (the value there, run) -> what takes its place, MISSING to delete it, or UNTOUCHED.
Change: TypeAlias = Callable[[Value, Run], Value]
# (value, env, run, change) -> the changed value, or MISSING.
Walk: TypeAlias = Callable[[Value, Env, Run, Change], Value]


@compiles(n.Update)
def compile_update(node: n.Update, scope: Scope, located: bool, _tail: bool) -> Code:
    if node.operator == "|=":
        update = compiled(node.right, scope)
        walk = walker(node.left, scope)
        code = modifier(node, walk, update, walk_frames(node.left))
        return computed(code, located)
    right = compiled(node.right, scope)
    walk = walker(node.left, scope)
    operator = node.operator[:-1]
    if operator == "":
        change_of: Callable[[Value], Change] = lambda item: lambda _old, _run: item  # noqa: E731
    elif operator == "//":
        change_of = _default
    else:
        change_of = _arithmetic(operator)
    cost, frames = right.cost + 3, right.frames + walk_frames(node.left)
    single = right.one
    if single is not None:
        only = single

        def one(value: Value, env: Env, run: Run) -> Value:
            change = change_of(only(value, env, run))
            return _changed(node, walk, value, env, run, change)

        # What is put somewhere may be put there often, and a level deeper each time.
        spread = 1 if is_small(node.right) else HEAVY
        return computed(Code(one, cost, frames, spread), located)
    rights = right.many

    def many(value: Value, env: Env, run: Run) -> Iterator[Value]:
        for item in rights(value, env, run):
            run.charge(3)
            yield _changed(node, walk, value, env, run, change_of(item))

    return computed(Code(many=many, cost=cost, frames=frames), located)


def is_small(node: n.Node) -> bool:
    """Tell whether something is written out and takes no room, however often it is repeated."""
    return isinstance(node, n.Literal) and not isinstance(node.value, (list, dict, str))


# Three for each step of the path, and some around them.
_MAX_STEPS: Final = 100


def walk_frames(path: n.Node) -> int:
    """Count the Python frames of a walk."""
    return 3 * _steps(path) + 8


def _default(item: Value) -> Change:
    return lambda old, _run: item if old is None or old is False else old


def _arithmetic(operator: str) -> Callable[[Value], Change]:
    operation = ARITHMETIC[operator]

    return lambda item: lambda old, run: operation(run, old, item)


def _changed(node: n.Node, walk: Walk, value: Value, env: Env, run: Run, change: Change) -> Value:
    try:
        changed = walk(value, env, run, change)
    except JqError as error:
        raise located_error(error, node, value, env, run) from None
    if changed is UNTOUCHED:
        return value
    return None if changed is MISSING else changed


def modifier(node: n.Node, walk: Walk, update: Code, frames: int) -> Code:
    """Compile `|=`: the first output of `update` takes the place of each value.

    Args:
        node: The whole assignment.
        walk: Its left side.
        update: Its right side.
        frames: What the walk takes.
    """
    first = first_of(update)
    cost = update.cost + 2

    def one(value: Value, env: Env, run: Run) -> Value:
        def change(old: Value, run: Run) -> Value:
            run.charge(cost)
            return first(old, env, run)

        return _changed(node, walk, value, env, run, change)

    spread = 1 if update.spread == 0 else HEAVY
    return Code(one, 3, update.frames + frames, spread)


def first_of(code: Code) -> One:
    """Run code for its first output, or MISSING."""
    if code.maybe is not None:
        return code.maybe
    many = code.many

    def first(value: Value, env: Env, run: Run) -> Value:
        frames = run.frames
        for found in many(value, env, run):
            run.frames = frames
            return found
        return MISSING

    return first


def walker(node: n.Node, scope: Scope) -> Walk:
    """Compile the left side of an assignment.

    Raises:
        Problem: When it has too many steps.
    """
    if _steps(node) > _MAX_STEPS:
        raise Problem("There are too many steps in this path", node.start, node.end)
    steps = _plain(node, scope)
    return _general(node, scope) if steps is None else steps


def _steps(node: n.Node) -> int:
    """Count the steps of a path; each takes some frames while it is walked."""
    count = 0
    todo = [node]
    while todo:
        node = todo.pop()
        count += 1
        match node:
            case n.Field(target=target) | n.Index(target=target) | n.Iterate(target=target):
                todo.append(target)
            case n.Pipe(left=left, right=right):
                todo += (left, right)
            case _:
                pass
    return count


def _plain(node: n.Node, scope: Scope) -> Walk | None:
    """Compile a path on which no two steps can meet; None when it may be another kind."""
    match node:
        case n.Identity():
            return lambda value, _env, run, change: change(value, run)
        case n.Field(target=target, name=name):
            outer = _plain(target, scope)
            return None if outer is None else _inside(outer, name)
        case n.Index(target=target, index=n.Literal(value=(int() | float()) as position)):
            outer = _plain(target, scope)
            return None if outer is None else _inside(outer, position)
        case n.Iterate(target=target):
            outer = _plain(target, scope)
            return None if outer is None else _inside_all(outer)
        case n.Pipe(left=left, right=right):
            outer, inner = _plain(left, scope), _plain(right, scope)
            return None if outer is None or inner is None else _chain(outer, inner)
        case n.Call(name="select", arguments=[condition]) if scope.find("select/1") is None:
            held = compiled(condition, scope)
            return None if held.one is None else _where(held.one, held.cost)
        case _:
            return None


def _inside(outer: Walk, key: Value) -> Walk:
    def walk(value: Value, env: Env, run: Run, change: Change) -> Value:
        def inner(container: Value, run: Run) -> Value:
            run.charge(2)
            old = get(run, container, key)
            new = change(old, run)
            if new is UNTOUCHED:
                return UNTOUCHED
            if new is MISSING:
                return UNTOUCHED if container is None else _deleted(run, container, key)
            return put(run, container, key, new)

        return outer(value, env, run, inner)

    return walk


def _deleted(run: Run, container: Value, key: Value) -> Value:
    return delete_paths(run, container, [[key]])


def _inside_all(outer: Walk) -> Walk:
    def walk(value: Value, env: Env, run: Run, change: Change) -> Value:
        def inner(container: Value, run: Run) -> Value:
            run.charge(2 * len(children(container)) + 1)
            if type(container) is list:
                changed = (_kept(item, change(item, run)) for item in container)
                return [item for item in changed if item is not MISSING]
            pairs = ((key, _kept(item, change(item, run))) for key, item in container.items())
            return {key: item for key, item in pairs if item is not MISSING}

        return outer(value, env, run, inner)

    return walk


def _kept(old: Value, new: Value) -> Value:
    return old if new is UNTOUCHED else new


def _chain(outer: Walk, inner: Walk) -> Walk:
    return lambda value, env, run, change: outer(
        value, env, run, lambda part, run: inner(part, env, run, change)
    )


def _where(condition: One, cost: int) -> Walk:
    def walk(value: Value, env: Env, run: Run, change: Change) -> Value:
        run.charge(cost + 1)
        held = condition(value, env, run)
        return UNTOUCHED if held is None or held is False else change(value, run)

    return walk


def _general(node: n.Node, scope: Scope) -> Walk:
    paths = located_paths(compiled(node, scope, located=True))

    def walk(value: Value, env: Env, run: Run, change: Change) -> Value:
        doomed = []
        result = value
        for path in paths(value, env, run):
            keys = list(path)
            new = change(get_path(run, result, keys), run)
            if new is MISSING:
                doomed.append(keys)
            else:
                result = put_path(run, result, keys, new)
        return delete_paths(run, result, doomed) if doomed else result

    return walk


def located_paths(code: Code) -> Callable[[Value, Env, Run], Iterator[Path]]:
    """Give the paths of a located program, and refuse what stands nowhere in the input."""
    many: Many = code.many

    def paths(value: Value, env: Env, run: Run) -> Iterator[Path]:
        for path, found in many(((), value), env, run):
            if path is NOWHERE:
                raise ResultError("Invalid path expression with result {}", found)
            run.charge(1)
            yield path

    return paths
