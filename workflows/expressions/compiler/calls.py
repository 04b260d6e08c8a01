"""Calls: functions of the program, functions given as arguments, and builtins."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from difflib import get_close_matches
from itertools import product
from threading import RLock
from typing import Any, Final, TypeAlias

from workflows.expressions.builtins.excluded import EXCLUDED
from workflows.expressions.builtins.table import FUNCTIONS, LISTS
from workflows.expressions.compiler.code import (
    Body,
    Code,
    Env,
    Function,
    Many,
    One,
    Scope,
    at_value,
    compiled,
    compiles,
    together,
)
from workflows.expressions.compiler.explain import located_error
from workflows.expressions.compiler.flow import computed, reader
from workflows.expressions.errors import JqError, TooBig, Value
from workflows.expressions.meter import FRAMES, Run
from workflows.expressions.syntax import nodes as n
from workflows.expressions.syntax.lexer import Problem

Special: TypeAlias = Callable[[n.Call, Scope, bool], Code]
SPECIAL: Final[dict[tuple[str, int], Special]] = {}
# Builtins that are written in jq: filled by the prelude.
PRELUDE: Final[dict[tuple[str, int], Function]] = {}
_MAX_SHAPED: Final = 3
# What a builtin takes besides the work that it charges itself; what entering a function takes.
_BUILTIN: Final = 6
_ENTRY: Final = 18
# Functions of numbers charge nothing themselves; these take far longer than others.
_EXPENSIVE: Final = {
    ("cbrt", 0): 150,
    ("fma", 3): 90,
    ("gmtime", 0): 24,
    ("mktime", 0): 80,
    ("lgamma_r", 0): 10,
    ("tgamma", 0): 10,
}
# Functions of the prelude belong to all programs, and programs to all threads.
COMPILING: Final = RLock()


class UnknownName(Problem):
    """A call of something that is not there."""

    unknown = True


def special(name: str, arity: int = 0) -> Callable[[Special], Special]:
    """Register a builtin that compiles its own arguments: `(node, scope, located) -> Code`."""

    def register(function: Special) -> Special:
        SPECIAL[name, arity] = function
        return function

    return register


@compiles(n.Call)
def compile_call(node: n.Call, scope: Scope, located: bool, tail: bool) -> Code:
    arity = len(node.arguments)
    found = scope.find(f"{node.name}/{arity}")
    if found is not None:
        if found.function is not None:
            return _call(found.function, node, scope, located, tail)
        return _argument_call(found, scope, located)
    key = node.name, arity
    if scope.table is not None and key in scope.table.version.replaced:
        replaced: Code = scope.table.version.replaced[key](node, scope, located)
        return replaced
    if key in SPECIAL:
        return SPECIAL[key](node, scope, located)
    if key in FUNCTIONS:
        units = _BUILTIN + _EXPENSIVE.get(key, 0)
        return _function(FUNCTIONS[key], node, scope, located, units)
    if key in LISTS:
        return _list_function(LISTS[key], node, scope, located)
    if key in PRELUDE:
        return _blamed(node, _call(PRELUDE[key], node, scope, located, tail=False))
    raise _unknown(node, arity)


def _blamed(node: n.Call, code: Code) -> Code:
    """Say of errors inside a builtin that is written in jq that the call of it failed."""
    many = code.many

    def blamed(value: Value, env: Env, run: Run) -> Iterator[Value]:
        try:
            yield from many(value, env, run)
        except JqError as error:
            raise located_error(error, node, value, env, run) from None

    return Code(many=blamed, cost=code.cost, frames=code.frames + 1, spread=code.spread)


def _unknown(node: n.Call, arity: int) -> UnknownName:
    if node.name in EXCLUDED:
        message = f"'{node.name}' is not available in expressions: {EXCLUDED[node.name]}"
        return UnknownName(message, node.start, node.end)
    known = {*SPECIAL, *FUNCTIONS, *LISTS, *PRELUDE}
    arities = sorted(each for name, each in known if name == node.name)
    if arities:
        takes = " or ".join(map(str, arities))
        message = (
            f"There is no function '{node.name}/{arity}': '{node.name}' takes {takes} arguments"
        )
        return UnknownName(message, node.start, node.end)
    close = get_close_matches(node.name, [name for name, _ in known], n=1, cutoff=0.75)
    hint = f". Did you mean '{close[0]}'?" if close else ""
    message = f"There is no function '{node.name}/{arity}' in jq{hint}"
    return UnknownName(message, node.start, node.end)


# Builtins whose arguments are values


def _function(
    function: Callable[..., Value], node: n.Call, scope: Scope, located: bool, units: int
) -> Code:
    arguments = [compiled(each, scope) for each in node.arguments]
    cost = sum(each.cost for each in arguments) + units
    frames = max((each.frames for each in arguments), default=0) + 4
    ones = [each.one for each in arguments]
    if all(ones):
        one = _applied(function, node, [each for each in ones if each])
        spread = together(1, *(each.spread for each in arguments))
        return computed(Code(one, cost, frames, spread), located)
    parts = [each.many for each in arguments]

    def many(value: Value, env: Env, run: Run) -> Iterator[Value]:
        for given in combinations(parts, value, env, run):
            run.charge(units)
            try:
                result = function(run, value, *given)
            except JqError as error:
                raise located_error(error, node, value, env, run) from None
            yield result

    return computed(Code(many=many, cost=cost, frames=frames), located)


def _applied(function: Callable[..., Value], node: n.Call, arguments: Sequence[One]) -> One:
    if not arguments:

        def plain(value: Value, env: Env, run: Run) -> Value:
            try:
                return function(run, value)
            except JqError as error:
                raise located_error(error, node, value, env, run) from None

        return plain
    if len(arguments) == 1:
        argument = arguments[0]

        def with_one(value: Value, env: Env, run: Run) -> Value:
            given = argument(value, env, run)
            try:
                return function(run, value, given)
            except JqError as error:
                raise located_error(error, node, value, env, run) from None

        return with_one

    def with_more(value: Value, env: Env, run: Run) -> Value:
        # jq evaluates the last argument first.
        given = [each(value, env, run) for each in reversed(arguments)]
        try:
            return function(run, value, *reversed(given))
        except JqError as error:
            raise located_error(error, node, value, env, run) from None

    return with_more


def combinations(
    parts: Sequence[Many], value: Value, env: Env, run: Run
) -> Iterator[tuple[Value, ...]]:
    """Combine the outputs of arguments; the last argument varies slowest, as in jq."""
    if len(parts) == 1:
        for item in parts[0](value, env, run):
            yield (item,)
        return
    for last in parts[-1](value, env, run):
        for before in combinations(parts[:-1], value, env, run):
            run.charge(3)
            yield (*before, last)


def _list_function(
    function: Callable[..., list[Value]], node: n.Call, scope: Scope, located: bool
) -> Code:
    arguments = [compiled(each, scope) for each in node.arguments]
    parts = [each.many for each in arguments]

    def many(value: Value, env: Env, run: Run) -> Iterator[Value]:
        # These are written in jq with `$parameters`: the first argument varies slowest.
        given = product(*(list(part(value, env, run)) for part in parts))
        for each in given:
            try:
                results = function(run, value, *each)
            except JqError as error:
                raise located_error(error, node, value, env, run) from None
            run.charge(len(results) + _BUILTIN)
            yield from results

    cost = sum(each.cost for each in arguments) + 2
    frames = max((each.frames for each in arguments), default=0) + 4
    return computed(Code(many=many, cost=cost, frames=frames), located)


# Functions that are arguments


def _argument_call(found: Scope, scope: Scope, located: bool) -> Code:
    """Call a function that was handed in; it runs where it was written."""
    read = reader(scope.depth - 1 - found.slot)
    shape = found.shape
    if located:
        shape = 3
        found.wanted = True

    def code_of(value: Value, env: Env, run: Run) -> tuple[Code, Env]:
        plain, paths, home = read(value, env, run)
        code: Code = paths if located else plain
        return code, home

    if shape == 1:

        def one(value: Value, env: Env, run: Run) -> Value:
            plain, _, home = read(value, env, run)
            run.fuel -= plain.cost + 3
            if run.fuel < 0:
                run.charge(0)
            before = run.frames
            run.frames = before + plain.frames + 1
            if run.frames > FRAMES:
                raise _too_deep()
            result = plain.one(value, home, run)
            run.frames = before
            return result

        return Code(one=one, cost=1, frames=2)

    def many(value: Value, env: Env, run: Run) -> Iterator[Value]:
        code, home = code_of(value, env, run)
        run.charge(code.cost + _ENTRY // 2)
        before = run.frames
        top = run.frames = before + code.frames + 2
        if top > FRAMES:
            raise _too_deep()
        for result in code.many(value, home, run):
            run.frames = before
            yield result
            run.frames = top
        run.frames = before

    return Code(many=many, cost=1, frames=2)


def _too_deep() -> TooBig:
    return TooBig("recursion that is too deep")


# Functions of the program


def _call(function: Function, node: n.Call, scope: Scope, located: bool, tail: bool) -> Code:
    arguments = [compiled(each, scope) for each in node.arguments]
    shapes = tuple(each.shape for each in arguments)
    if len(shapes) > _MAX_SHAPED:
        shapes = (3,) * len(shapes)
    body = _body_of(function, located, shapes)
    enter = _Entry(function, body, node, arguments, scope, located)
    cost = sum(each.cost for each in arguments) + 2
    frames = max((each.frames for each in arguments), default=0) + 4
    recursive = body.code is None
    if tail and (recursive or body.tails):
        return Code(many=_tail_call(body, enter, scope), cost=cost, frames=frames)
    if body.code is not None and body.code.one is not None and enter.single:
        return Code(one=_call_one(body.code, enter), cost=cost, frames=frames)
    return Code(many=_call_many(body, enter), cost=cost, frames=frames)


def _body_of(function: Function, located: bool, shapes: tuple[int, ...]) -> Body:
    """Compile a function for arguments of these shapes, unless that has been done."""
    known = function.codes.get((located, shapes))
    if known is not None:
        return known
    body = function.codes[located, shapes] = Body()
    scope = function.scope
    parameters = function.node.parameters
    for name, shape in zip(parameters, shapes, strict=True):
        scope = scope.bound(f"{name.removeprefix('$')}/0", shape)
        body.parameters.append(scope)
    for name in parameters:
        if name.startswith("$"):
            scope = scope.bound(name)
    table = scope.table
    assert table is not None  # noqa: S101 - every scope has one
    if function.node.start < 0:
        # Of the prelude, which all programs share: what one has compiled is not another's fault.
        table.nodes = table.deep = 0
    table.bodies.append(body)
    try:
        body.code = compiled(function.node.body, scope, located, tail=True)
    except BaseException:
        del function.codes[located, shapes]
        raise
    finally:
        table.bodies.pop()
    return body


class _Entry:
    """Builds the environment of a call."""

    def __init__(
        self,
        function: Function,
        body: Body,
        node: n.Call,
        arguments: Sequence[Code],
        scope: Scope,
        located: bool,
    ) -> None:
        self.hops = scope.depth - function.scope.depth
        self.cells: list[Callable[[Env], Env]] = [
            _cell(argument, code, scope, paths=body.wants_paths(position))
            for position, (argument, code) in enumerate(zip(node.arguments, arguments, strict=True))
        ]
        # Parameters with `$` are values, also where paths are asked for.
        self.values = [
            at_value(code, located)
            for name, code in zip(function.node.parameters, arguments, strict=True)
            if name.startswith("$")
        ]
        self.single = all(code.one is not None for code in self.values)

    def one(self, value: Value, env: Env, run: Run) -> Env:
        """Bind arguments that have one output each."""
        inner = self.closures(env)
        for code in self.values:
            assert code.one is not None  # noqa: S101 - `single` said so
            inner = (code.one(value, env, run), inner)
        return inner

    def closures(self, env: Env) -> Env:
        """Bind arguments as functions, in front of what the function itself sees."""
        inner = env
        for _ in range(self.hops):
            inner = inner[1]
        for cell in self.cells:
            inner = (cell(env), inner)
        return inner

    def each(self, value: Value, env: Env, run: Run) -> Iterable[Env]:
        """Bind every combination of values; the first argument varies slowest."""
        if self.single:
            return (self.one(value, env, run),)
        return self._combined(0, self.closures(env), value, env, run)

    def _combined(
        self, position: int, inner: Env, value: Value, env: Env, run: Run
    ) -> Iterator[Env]:
        if position == len(self.values):
            yield inner
            return
        for item in self.values[position].many(value, env, run):
            run.charge(2)
            yield from self._combined(position + 1, (item, inner), value, env, run)


def _cell(argument: n.Node, code: Code, scope: Scope, *, paths: bool) -> Callable[[Env], Any]:
    """Make what stands in the environment for a function argument: code, located code, home."""
    if isinstance(argument, n.Call) and not argument.arguments:
        found = scope.find(f"{argument.name}/0")
        if found is not None and found.function is None:
            # Handed through: recursion must not wrap it once more in every turn.
            found.wanted = found.wanted or paths
            read = reader(scope.depth - 1 - found.slot)
            return lambda env: read(None, env, None)  # type: ignore[arg-type] # needs only env
    located = compiled(argument, scope, located=True) if paths else None
    return lambda env: (code, located, env)


def _call_one(code: Code, enter: _Entry) -> One:
    one, cost, frames = code.one, code.cost + _ENTRY // 2, code.frames + 3
    assert one is not None  # noqa: S101 - asked before
    body = one

    def call(value: Value, env: Env, run: Run) -> Value:
        run.fuel -= cost
        if run.fuel < 0:
            run.charge(0)
        before = run.frames
        run.frames = before + frames
        if run.frames > FRAMES:
            raise _too_deep()
        result = body(value, enter.one(value, env, run), run)
        run.frames = before
        return result

    return call


def _call_many(body: Body, enter: _Entry) -> Many:
    def call(value: Value, env: Env, run: Run) -> Iterator[Value]:
        before = run.frames
        for inner in enter.each(value, env, run):
            pending: tuple[Body, Value, Env] | None = (body, value, inner)
            while pending is not None:
                current, here, home = pending
                code = current.code
                assert code is not None  # noqa: S101 - compiled before anything runs
                run.charge(code.cost + _ENTRY)
                top = run.frames = before + code.frames + 3
                if top > FRAMES:
                    raise _too_deep()
                for result in code.many(here, home, run):
                    run.frames = before
                    # What comes from deep within a recursion passes through every level of it.
                    run.fuel -= 12
                    if run.fuel < 0:
                        run.charge(0)
                    yield result
                    run.frames = top
                pending, run.tail = run.tail, None
        run.frames = before

    return call


def _tail_call(body: Body, enter: _Entry, scope: Scope) -> Many:
    """Leave a call to the caller of the function around it, so that loops need no stack."""
    if scope.table is not None:
        scope.table.bodies[-1].tails = True

    def call(value: Value, env: Env, run: Run) -> Iterable[Value]:
        environments = enter.each(value, env, run)
        if not enter.single:
            return _call_many(body, enter)(value, env, run)
        run.tail = (body, value, next(iter(environments)))
        return ()

    return call
