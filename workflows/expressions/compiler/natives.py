"""Builtins that take programs as arguments: loops, searches, sorting by, paths.

Loops are loops here, not recursion as in jq's own definitions: they need no stack.
"""

from collections.abc import Callable, Collection, Iterator
from typing import Final

from workflows.expressions.access import children, delete_paths, get_path, put_path
from workflows.expressions.builtins.containers import (
    ITERATED,
    from_entries,
    grouped,
    largest,
    smallest,
    to_entries,
    total,
)
from workflows.expressions.builtins.regex import LISTS as REGEX
from workflows.expressions.builtins.table import FUNCTIONS, LISTS
from workflows.expressions.compiler.calls import PRELUDE, SPECIAL, combinations, special
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
from workflows.expressions.compiler.explain import located_error
from workflows.expressions.compiler.flow import computed, joined
from workflows.expressions.compiler.paths import NOWHERE
from workflows.expressions.compiler.updating import (
    first_of,
    located_paths,
    modifier,
    walk_frames,
    walker,
)
from workflows.expressions.errors import JqError, OperandError, ResultError, Value
from workflows.expressions.meter import Run
from workflows.expressions.printing import kind
from workflows.expressions.syntax import nodes as n
from workflows.expressions.values import equal, is_number, number, sorted_values, to_double

_HERE: Final = n.Identity(0, 0)
# range() checks the budget once per so many numbers.
_CHUNK: Final = 64
_FAR: Final = 2**62


def _items(node: n.Call) -> n.Node:
    """`.[]`, for builtins that go over the items of their input unless told otherwise."""
    return n.Iterate(node.start, node.end, _HERE)


# No output, errors


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


# Choosing


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
    body = n.Pipe(node.start, node.end, _items(node), node.arguments[0])
    return compiled(n.Array(node.start, node.end, body), scope, located)


# Limits


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
    return compiled(n.Index(node.start, node.end, _HERE, node.arguments[0]), scope, located)


def _position(node: n.Call, position: int) -> n.Node:
    return n.Index(node.start, node.end, _HERE, n.Literal(node.start, node.end, position))


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


# Loops


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


# Yes or no


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

        code = Code(one, cost=body.cost + 1, frames=body.frames + 1, spread=0)
        return computed(code, located)

    SPECIAL[name, 0] = lambda node, scope, located: over(_items(node), _HERE, scope, located)
    SPECIAL[name, 1] = lambda node, scope, located: over(
        _items(node), node.arguments[0], scope, located
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

    code = Code(one, cost=stream.cost + 1, frames=stream.frames + 3, spread=0)
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
    return computed(Code(one, cost=source.cost + 1, frames=frames, spread=0), located)


# Sums, sorting, grouping


@special("add", 1)
def add_all(node: n.Call, scope: Scope, located: bool) -> Code:
    body = compiled(node.arguments[0], scope)
    collect = body.collected or body.many

    def one(value: Value, env: Env, run: Run) -> Value:
        found = list(collect(value, env, run))
        run.charge(2 * len(found))
        try:
            return total(run, found)
        except JqError as error:
            raise located_error(error, node, value, env, run) from None

    code = Code(one, cost=body.cost + 1, frames=body.frames + 3, spread=body.spread)
    return computed(code, located)


def _by(
    name: str, complaint: str, choose: Callable[[Run, list[Value], list[Value]], Value]
) -> None:
    def compile_it(node: n.Call, scope: Scope, located: bool) -> Code:
        body = compiled(node.arguments[0], scope)
        single, many = body.one, body.many

        def keys_of(items: Collection[Value], env: Env, run: Run) -> list[Value]:
            run.charge(len(items) * (body.cost + 1))
            if single is not None:
                return [single(item, env, run) for item in items]
            return [list(many(item, env, run)) for item in items]

        def chosen(value: Value, env: Env, run: Run) -> Value:
            keys = keys_of(children(value), env, run)
            if type(value) is not list:
                # In jq each key is an array of all that the program gives.
                raise OperandError(complaint, value, [[key] for key in keys] if single else keys)
            return choose(run, value, keys)

        def one(value: Value, env: Env, run: Run) -> Value:
            try:
                return chosen(value, env, run)
            except JqError as error:
                raise located_error(error, node, value, env, run) from None

        return computed(Code(one, cost=4, frames=body.frames + 5, spread=1), located)

    SPECIAL[name, 1] = compile_it


_SORTED: Final = "{} and {} cannot be sorted, as they are not both arrays"
_by(
    "sort_by",
    _SORTED,
    lambda run, items, keys: [items[each] for each in sorted_values(run, items, keys)],
)
_by("group_by", _SORTED, grouped)
_by("unique_by", _SORTED, lambda run, items, keys: [g[0] for g in grouped(run, items, keys)])
_by("min_by", ITERATED, smallest)
_by("max_by", ITERATED, largest)


# Paths and updates


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

    code = Code(one, cost=body.cost + 3, frames=body.frames + 4, spread=1)
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
    items = _items(node)
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


# Texts


def _substitution(everywhere: bool) -> Callable[[n.Call, Scope, bool], Code]:
    """`sub`, `gsub`: the replacement is a program that sees the named groups."""

    def compile_it(node: n.Call, scope: Scope, located: bool) -> Code:
        pattern, replacement = (
            compiled(node.arguments[0], scope),
            compiled(node.arguments[1], scope),
        )
        flags = (
            compiled(node.arguments[2], scope).many
            if len(node.arguments) > 2  # noqa: PLR2004 - the third argument
            else lambda _value, _env, _run: ("",)
        )
        patterns, texts = pattern.many, replacement.many

        def each(value: Value, env: Env, run: Run) -> Iterator[Value]:
            for wanted in patterns(value, env, run):
                for given in flags(value, env, run):
                    try:
                        found = _matches(run, value, wanted, given, everywhere)
                    except JqError as error:
                        raise located_error(error, node, value, env, run) from None
                    if not found:
                        yield value
                        continue
                    yield from _replaced(node, value, found, texts, env, run)

        cost = pattern.cost + replacement.cost + 6
        frames = max(pattern.frames, replacement.frames) + 6
        return computed(Code(many=each, cost=cost, frames=frames), located)

    return compile_it


def _matches(run: Run, value: Value, pattern: Value, flags: Value, everywhere: bool) -> list[Value]:
    if flags is None:
        flags = ""
    if type(flags) is not str:
        raise OperandError("{} is not a string", flags)
    return REGEX["match", 2](run, value, pattern, f"{flags}g" if everywhere else flags)


def _replaced(
    node: n.Call, value: str, matches: list[Value], texts: Many, env: Env, run: Run
) -> Iterator[str]:
    """Build one text per output of the replacement; all matches take their n-th output."""
    results: list[list[str]] = []
    previous = 0
    for match in matches:
        run.charge(len(match["captures"]) + 4)
        gap = value[previous : match["offset"]]
        groups = {
            each["name"]: each["string"] for each in match["captures"] if each["name"] is not None
        }
        for index, text in enumerate(texts(groups, env, run)):
            run.charge(2)
            if type(text) is not str and text is not None:
                error = OperandError("{} and {} cannot be added", gap, text)
                error.span = (node.start, node.end)
                raise error
            if index == len(results):
                results.append([])
            results[index] += (gap, text or "")
        previous = match["offset"] + match["length"]
    rest = value[previous:]
    for parts in results:
        run.charge_text(sum(map(len, parts)) + len(rest))
        yield "".join((*parts, rest))
    if not results:
        yield value


for _count_of in (2, 3):
    SPECIAL["sub", _count_of] = _substitution(everywhere=False)
    SPECIAL["gsub", _count_of] = _substitution(everywhere=True)


@special("builtins")
def builtins(_node: n.Call, _scope: Scope, located: bool) -> Code:
    known = {*SPECIAL, *FUNCTIONS, *LISTS, *PRELUDE}
    names = sorted(f"{name}/{arity}" for name, arity in known if not name.startswith("_"))
    return computed(Code(lambda _value, _env, _run: list(names), cost=60, spread=0), located)
