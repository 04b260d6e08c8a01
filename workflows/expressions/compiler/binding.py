"""Names for values: `as` with all its patterns, and the loops that use it, `reduce`, `foreach`."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from workflows.expressions.access import get
from workflows.expressions.compiler.code import (
    HEAVY,
    MISSING,
    OUTER,
    Code,
    Env,
    Many,
    One,
    Scope,
    at_value,
    compiled,
    compiles,
)
from workflows.expressions.compiler.explain import located_error
from workflows.expressions.compiler.growing import Grow, growing
from workflows.expressions.compiler.paths import NOWHERE
from workflows.expressions.errors import JqError, OperandError, Value
from workflows.expressions.meter import ENTRIES_PER_UNIT, Run
from workflows.expressions.syntax import nodes as n

# (what is taken apart, input, env, run) -> values of the names, by name.
Taken: TypeAlias = dict[str, Value]
Matcher: TypeAlias = Callable[[Value, Value, Env, Run], Iterator[Taken]]


def names_in(patterns: Sequence[n.Pattern]) -> list[str]:
    """List the variables of patterns, each once, in order."""
    names: dict[str, None] = {}
    todo: list[n.Pattern] = list(reversed(patterns))
    while todo:
        match todo.pop():
            case n.VariablePattern(name=name):
                names[name] = None
            case n.ArrayPattern(items=items):
                todo.extend(reversed(items))
            case n.ObjectPattern(entries=entries):
                for _, bound, inner in entries:
                    if bound is not None:
                        names[bound] = None
                    if inner is not None:
                        todo.append(inner)
    return list(names)


def _nesting(patterns: Sequence[n.Pattern]) -> int:
    """Count the brackets of patterns."""
    count = 0
    todo = list(patterns)
    while todo:
        pattern = todo.pop()
        count += 1
        if isinstance(pattern, n.ArrayPattern):
            todo += pattern.items
        elif isinstance(pattern, n.ObjectPattern):
            todo += [inner for _, _, inner in pattern.entries if inner is not None]
    return count


class Binder:
    """Compiled patterns: from a value to environments in which the names are bound.

    Attributes:
        scope: The names, for what comes behind the patterns.
        simple: There is one pattern and it is one variable.
    """

    def __init__(self, patterns: Sequence[n.Pattern], scope: Scope, node: n.Node) -> None:
        self.simple = len(patterns) == 1 and isinstance(patterns[0], n.VariablePattern)
        self.names = names_in(patterns)
        self.node = node
        # Keys in patterns see what is outside; they stand in front of the names.
        self.matchers = [] if self.simple else [_matcher(each, scope) for each in patterns]
        for name in self.names:
            scope = scope.bound(f"${name}")
        self.scope = scope
        # Each entry of a pattern is a generator within that of the one before.
        self.frames = 1 if self.simple else 4 + 3 * len(self.names) + _nesting(patterns)

    def environments(
        self, taken: Value, matcher: Matcher, value: Value, env: Env, run: Run
    ) -> Iterator[Env]:
        """Yield an environment for each way in which one pattern matches."""
        try:
            for found in matcher(taken, value, env, run):
                run.charge(len(self.names) + 1)
                inner = env
                for name in self.names:
                    inner = (found.get(name), inner)
                yield inner
        except JqError as error:
            raise located_error(error, self.node, value, env, run) from None

    def each(self, taken: Value, value: Value, env: Env, run: Run, body: Many) -> Iterator[Value]:
        """Run `body` with the names bound; with `?//` an error leads on to the next pattern."""
        for index, matcher in enumerate(self.matchers):
            frames = run.frames
            try:
                for inner in self.environments(taken, matcher, value, env, run):
                    yield from body(value, inner, run)
            except JqError:
                if index == len(self.matchers) - 1:
                    raise
                run.frames = frames
                run.charge(30)
            else:
                return


def _matcher(pattern: n.Pattern, scope: Scope) -> Matcher:
    match pattern:
        case n.VariablePattern(name=name):

            def variable(taken: Value, _value: Value, _env: Env, _run: Run) -> Iterator[Taken]:
                yield {name: taken}

            return variable
        case n.ArrayPattern(items=items):
            return _sequence(
                [
                    (_constant(index), None, _matcher(item, scope))
                    for index, item in enumerate(items)
                ],
                array=True,
            )
        case n.ObjectPattern(entries=entries):
            return _sequence(
                [
                    (
                        compiled(key, scope).many,
                        name,
                        None if inner is None else _matcher(inner, scope),
                    )
                    for key, name, inner in entries
                ],
                array=False,
            )


def _constant(value: Value) -> Many:
    return lambda _value, _env, _run: (value,)


def _sequence(
    entries: Sequence[tuple[Many, str | None, Matcher | None]], *, array: bool
) -> Matcher:
    def match(taken: Value, value: Value, env: Env, run: Run) -> Iterator[Taken]:
        return rest(0, {}, taken, value, env, run)

    def rest(
        position: int, found: Taken, taken: Value, value: Value, env: Env, run: Run
    ) -> Iterator[Taken]:
        if position == len(entries):
            yield found
            return
        keys, name, inner = entries[position]
        for key in keys(taken, env, run):
            run.charge(4)
            if not array and type(key) is not str:
                raise OperandError("Cannot use {} as object key", key)
            part = get(run, taken, key)
            here = {**found, name: part} if name is not None else found
            if inner is None:
                yield from rest(position + 1, here, taken, value, env, run)
                continue
            for more in inner(part, value, env, run):
                yield from rest(position + 1, {**here, **more}, taken, value, env, run)

    return match


@compiles(n.Bind)
def compile_bind(node: n.Bind, scope: Scope, located: bool, tail: bool) -> Code:
    source = at_value(compiled(node.source, scope), located)
    binder = Binder(node.patterns, scope, node)
    single = source.one
    passes = tail and single is not None and binder.simple
    body = compiled(node.body, binder.scope, located, passes)
    cost = source.cost + body.cost + 1
    frames = max(source.frames, body.frames) + binder.frames
    if binder.simple and single is not None:
        # A variable that holds the input passes for one from outside no more.
        apart = source.spread in (0, OUTER) or body.spread < OUTER
        spread = body.spread if apart and source.spread <= OUTER else HEAVY
        one, maybe = body.one, body.maybe
        if one is not None:
            return Code(_with_variable(single, one), cost, frames, spread)
        if maybe is not None:
            bound = _with_variable(single, maybe)
            return Code(maybe=bound, cost=cost, frames=frames, spread=spread)
        bound = _with_variable(single, body.many)
        return Code(many=bound, cost=cost, frames=frames, spread=spread)
    many, bodies, body_cost = source.many, body.many, body.cost + 1

    def bind(value: Value, env: Env, run: Run) -> Iterator[Value]:
        for taken in many(value, env, run):
            run.charge(body_cost)
            if binder.simple:
                yield from bodies(value, (taken, env), run)
            else:
                yield from binder.each(taken, value, env, run, bodies)

    return Code(many=bind, cost=cost, frames=frames)


def _with_variable(source: One, body: One) -> One:
    return lambda value, env, run: body(value, (source(value, env, run), env), run)


@compiles(n.Reduce)
def compile_reduce(node: n.Reduce, scope: Scope, located: bool, _tail: bool) -> Code:
    source = at_value(compiled(node.source, scope), located)
    binder = Binder(node.patterns, scope, node)
    initial = compiled(node.initial, scope, located)
    update = compiled(node.update, binder.scope, located)
    grow = growing(node.update, binder.scope) if binder.simple and not located else None
    fold = _fold(source, binder, update, located, grow)
    cost = source.cost + initial.cost + 2
    frames = max(source.frames, initial.frames, update.frames + binder.frames) + 3
    start = initial.one
    if start is not None:
        first = start
        return Code(
            one=lambda value, env, run: fold(first(value, env, run), value, env, run),
            cost=cost,
            frames=frames,
        )
    starts = initial.many

    def reduce_each(value: Value, env: Env, run: Run) -> Iterator[Value]:
        for state in starts(value, env, run):
            run.charge(source.cost + 1)
            yield fold(state, value, env, run)

    return Code(many=reduce_each, cost=cost, frames=frames)


def _fold(
    source: Code, binder: Binder, update: Code, located: bool, grow: Grow | None
) -> Callable[[Value, Value, Env, Run], Value]:
    items, step, cost = source.many, last_of(update, located), update.cost + 2

    def fold(state: Value, value: Value, env: Env, run: Run) -> Value:
        owned = False
        for taken in items(value, env, run):
            run.fuel -= cost
            if run.fuel < 0:
                run.charge(0)
            if grow is not None and (type(state) is list or type(state) is dict):
                if not owned:
                    run.charge(len(state) // ENTRIES_PER_UNIT)
                    state, owned = state.copy(), True
                if grow(state, (taken, env), run) is not MISSING:
                    continue
            owned = False
            if binder.simple:
                state = step(state, (taken, env), run)
                continue
            for new in binder.each(
                taken,
                value,
                env,
                run,
                lambda _value, inner, run: (step(state, inner, run),),  # noqa: B023 - used up at once
            ):
                state = new
        return state

    return fold


def last_of(code: Code, located: bool) -> One:
    """Run code for its last output; null when there is none, as in jq's loops."""
    none: Value = (NOWHERE, None) if located else None
    one, maybe, many = code.one, code.maybe, code.many
    if one is not None:
        return one
    if maybe is not None:
        optional = maybe

        def last_maybe(value: Value, env: Env, run: Run) -> Value:
            found = optional(value, env, run)
            return none if found is MISSING else found

        return last_maybe

    def last(value: Value, env: Env, run: Run) -> Value:
        result = none
        for found in many(value, env, run):
            run.charge(1)
            result = found
        return result

    return last


@compiles(n.Foreach)
def compile_foreach(node: n.Foreach, scope: Scope, located: bool, _tail: bool) -> Code:
    source = at_value(compiled(node.source, scope), located)
    binder = Binder(node.patterns, scope, node)
    initial = compiled(node.initial, scope, located)
    update = compiled(node.update, binder.scope, located)
    extract = compiled(node.extract, binder.scope, located) if node.extract else None
    none: Value = (NOWHERE, None) if located else None
    items, starts, updates = source.many, initial.many, update.many
    extracts = extract.many if extract else None
    cost = update.cost + (extract.cost if extract else 0) + 2

    def walk(value: Value, env: Env, run: Run) -> Iterator[Value]:
        for start in starts(value, env, run):
            state = start
            for taken in items(value, env, run):
                run.charge(cost)
                for inner in environments(taken, value, env, run):
                    before, state = state, none
                    for state in updates(before, inner, run):
                        run.charge(1)
                        if extracts is None:
                            yield state
                        else:
                            yield from extracts(state, inner, run)

    def environments(taken: Value, value: Value, env: Env, run: Run) -> Iterator[Env]:
        if binder.simple:
            yield (taken, env)
            return
        yield from binder.each(taken, value, env, run, lambda _value, inner, _run: (inner,))

    inner_frames = max(update.frames, extract.frames if extract else 0)
    frames = max(source.frames, initial.frames, inner_frames + binder.frames) + 2
    return Code(many=walk, cost=source.cost + initial.cost + 2, frames=frames)
