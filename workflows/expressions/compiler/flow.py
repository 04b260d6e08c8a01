"""How programs are put together: `|`, `,`, `if`, `try`, `//`, `label`, constants, variables."""

from collections.abc import Iterable, Iterator

from workflows.expressions.compiler.code import (
    MISSING,
    OUTER,
    Code,
    Constant,
    Env,
    Listing,
    Many,
    One,
    Scope,
    at_value,
    compiled,
    compiles,
    either,
    passed_on,
    together,
)
from workflows.expressions.compiler.explain import missing_key
from workflows.expressions.compiler.paths import NOWHERE
from workflows.expressions.errors import Break, JqError, Undefined, Value
from workflows.expressions.meter import Run
from workflows.expressions.syntax import nodes as n
from workflows.expressions.syntax.lexer import Problem


def computed(code: Code, located: bool) -> Code:
    """Let code that computes new values run on pairs: what it gives stands nowhere in the input."""
    if not located:
        return code
    one, frames = code.one, code.frames + 1
    if one is not None:
        single = one
        return Code(
            one=lambda pair, env, run: _placed(pair, single(pair[1], env, run)),
            cost=code.cost + 1,
            frames=frames,
        )
    many = code.many

    def placed(pair: Value, env: Env, run: Run) -> Iterator[Value]:
        for result in many(pair[1], env, run):
            yield _placed(pair, result)

    return Code(many=placed, cost=code.cost + 1, frames=frames)


def _placed(pair: Value, result: Value) -> Value:
    """Keep the path when the result is the very value there; jq does the same."""
    value = pair[1]
    if result is value or (
        type(result) is type(value) and not isinstance(result, (list, dict)) and result == value
    ):
        return pair
    return NOWHERE, result


@compiles(n.Literal)
def compile_literal(node: n.Literal, _scope: Scope, located: bool, _tail: bool) -> Code:
    value = node.value
    if type(value) is list or type(value) is dict:
        # Whoever gets it owns it: the program is shared by all runs of this process.
        cost = size_of(value)
        copied = Constant(lambda _value, _env, _run: deepcopy(value), cost=cost, spread=0)
        return computed(copied, located)
    spread = OUTER if type(value) is str and len(value) > SHORT_TEXT else 0
    return computed(Constant(lambda _value, _env, _run: value, 0, 1, spread), located)


# Longer texts of a program count when they are repeated.
SHORT_TEXT = 64


def size_of(value: Value) -> int:
    """Count what has to be copied of a literal; its nesting is that of the source."""
    if type(value) is list:
        return 4 + sum(map(size_of, value))
    if type(value) is dict:
        return 6 + sum(map(size_of, value.values()))
    return 2


def deepcopy(value: Value) -> Value:
    """Copy containers; everything else cannot be changed anyway."""
    if type(value) is list:
        return [deepcopy(item) for item in value]
    if type(value) is dict:
        return {key: deepcopy(item) for key, item in value.items()}
    return value


@compiles(n.Location)
def compile_location(node: n.Location, _scope: Scope, located: bool, _tail: bool) -> Code:
    line = node.line
    code = Constant(
        lambda _value, _env, _run: {"file": "<top-level>", "line": line}, cost=3, spread=0
    )
    return computed(code, located)


@compiles(n.Variable)
def compile_variable(node: n.Variable, scope: Scope, located: bool, _tail: bool) -> Code:
    name = node.name
    bound = scope.find(f"${name}")
    if bound is not None:
        node.local = True
        return computed(Code(reader(scope.depth - 1 - bound.slot), spread=OUTER), located)
    if scope.table is not None:
        scope.table.free.add(name)

    def read(_value: Value, _env: Env, run: Run) -> Value:
        try:
            return run.variables[name]
        except KeyError:
            raise Undefined(name) from None

    return computed(Code(read, spread=OUTER), located)


def reader(hops: int) -> One:
    """Read a variable that stands `hops` places behind the front of the environment."""
    if hops == 0:
        return lambda _value, env, _run: env[0]
    if hops == 1:
        return lambda _value, env, _run: env[1][0]
    if hops == 2:  # noqa: PLR2004 - unrolled as far as programs usually go
        return lambda _value, env, _run: env[1][1][0]

    def read(_value: Value, env: Env, _run: Run) -> Value:
        for _ in range(hops):
            env = env[1]
        return env[0]

    return read


@compiles(n.Pipe)
def compile_pipe(node: n.Pipe, scope: Scope, located: bool, tail: bool) -> Code:
    left = compiled(node.left, scope, located)
    right = compiled(node.right, scope, located, tail and left.maybe is not None)
    cost, frames = left.cost + right.cost + 1, max(left.frames, right.frames) + 1
    spread = passed_on(left, right)
    first, second = left.one, right.one
    if first is not None and second is not None:
        one = _then(node, first, second, located)
        return Code(one, cost, frames, spread)
    if left.maybe is not None and right.maybe is not None:
        then = _maybe_then(left.maybe, right.maybe)
        return Code(maybe=then, cost=cost, frames=frames, spread=spread)
    if first is not None:
        follow = _follow(node, first, right.many, located)
        eager, collected = right.eager, right.collected
        return Listing(
            follow,
            cost,
            frames,
            spread,
            eager=eager and _follow(node, first, eager, located),
            collected=collected and _follow(node, first, collected, located),
        )
    each = _each(left, right)
    if left.eager is None:
        return Code(many=each, cost=cost, frames=frames, spread=spread)
    return Listing(each, cost, frames, spread, collected=_collect(left.eager, right))


def joined(left: Code, right: Code) -> Code:
    """Make `left | right` of code that is compiled already."""
    cost, frames = left.cost + right.cost + 1, max(left.frames, right.frames) + 1
    if left.maybe is not None and right.maybe is not None:
        return Code(maybe=_maybe_then(left.maybe, right.maybe), cost=cost, frames=frames)
    return Code(many=_each(left, right), cost=cost, frames=frames)


def _then(node: n.Pipe, first: One, second: One, located: bool) -> One:
    if located or not isinstance(node.left, (n.Field, n.Index, n.Variable)):
        return lambda value, env, run: second(first(value, env, run), env, run)

    def then(value: Value, env: Env, run: Run) -> Value:
        found = first(value, env, run)
        try:
            return second(found, env, run)
        except JqError as error:
            _explain(error, node, found, value, run)
            raise

    return then


def _explain(error: JqError, node: n.Pipe, found: Value, value: Value, run: Run) -> None:
    """When the right side complains of a null, say which key was missing on the left."""
    if found is not None or error.hint is not None:
        return
    # A builtin that refuses its input names no operand.
    refused = isinstance(node.right, n.Call) and not error.operands and not error.raised
    if refused or any(each is None for each in error.operands):
        error.hint = missing_key(node.left, value, run)


def _maybe_then(first: One, second: One) -> One:
    def then(value: Value, env: Env, run: Run) -> Value:
        found = first(value, env, run)
        return MISSING if found is MISSING else second(found, env, run)

    return then


def _follow(node: n.Pipe, first: One, rest: Many, located: bool) -> Many:
    def follow(value: Value, env: Env, run: Run) -> Iterable[Value]:
        found = first(value, env, run)
        try:
            return rest(found, env, run)
        except JqError as error:
            if not located:
                _explain(error, node, found, value, run)
            raise

    return follow


def _each(left: Code, right: Code) -> Many:
    """Run the right side on each output of the left one."""
    lefts, cost = left.many, right.cost + 1
    one, maybe = right.one, right.maybe
    if one is not None:
        single = one

        def ones(value: Value, env: Env, run: Run) -> Iterator[Value]:
            for found in lefts(value, env, run):
                run.fuel -= cost
                if run.fuel < 0:
                    run.charge(0)
                yield single(found, env, run)

        return ones
    if maybe is not None:
        optional = maybe

        def some(value: Value, env: Env, run: Run) -> Iterator[Value]:
            for found in lefts(value, env, run):
                run.fuel -= cost
                if run.fuel < 0:
                    run.charge(0)
                if (result := optional(found, env, run)) is not MISSING:
                    yield result

        return some
    many = right.many

    def all_of_all(value: Value, env: Env, run: Run) -> Iterator[Value]:
        for found in lefts(value, env, run):
            run.fuel -= cost
            if run.fuel < 0:
                run.charge(0)
            yield from many(found, env, run)

    return all_of_all


def _collect(eager: Many, right: Code) -> Many:
    """Collect the right side's outputs for all of the left one's; charged in one go."""
    cost = right.cost + 1
    one, maybe = right.one, right.maybe

    def items_of(value: Value, env: Env, run: Run) -> Iterable[Value]:
        items = eager(value, env, run)
        run.charge(len(items) * cost)  # type: ignore[arg-type] # eager ones are sized
        return items

    if one is not None:
        single = one
        return lambda value, env, run: [
            single(item, env, run) for item in items_of(value, env, run)
        ]
    if maybe is not None:
        optional = maybe
        return lambda value, env, run: [
            result
            for item in items_of(value, env, run)
            if (result := optional(item, env, run)) is not MISSING
        ]
    many = right.many
    return lambda value, env, run: [
        result for item in items_of(value, env, run) for result in many(item, env, run)
    ]


@compiles(n.Comma)
def compile_comma(node: n.Comma, scope: Scope, located: bool, tail: bool) -> Code:
    last = node.items[-1]
    codes = [compiled(item, scope, located, tail and item is last) for item in node.items]
    many = [code.many for code in codes]

    def each(value: Value, env: Env, run: Run) -> Iterator[Value]:
        for part in many:
            yield from part(value, env, run)

    cost = sum(code.cost for code in codes) + len(codes)
    frames = max(code.frames for code in codes) + 1
    spread = together(*(code.spread for code in codes))
    ones = [code.one for code in codes if code.one is not None]
    if len(ones) < len(codes):
        return Code(many=each, cost=cost, frames=frames, spread=spread)
    return Listing(
        each,
        cost,
        frames,
        spread,
        collected=lambda value, env, run: [one(value, env, run) for one in ones],
    )


@compiles(n.If)
def compile_if(node: n.If, scope: Scope, located: bool, tail: bool) -> Code:
    condition = at_value(compiled(node.condition, scope), located)
    decided = condition.one
    here = tail and decided is not None
    yes = compiled(node.yes, scope, located, here)
    no = compiled(node.no or n.Identity(node.end, node.end), scope, located, here)
    cost = condition.cost + max(yes.cost, no.cost) + 1
    frames = max(condition.frames, yes.frames, no.frames) + 1
    if decided is None:
        return Code(many=_for_each_condition(condition, yes, no), cost=cost, frames=frames)
    spread = either(yes, no)
    if yes.one is not None and no.one is not None:
        one = _choose(decided, yes.one, no.one)
        return Code(one, cost, frames, spread)
    if yes.maybe is not None and no.maybe is not None:
        maybe = _choose(decided, yes.maybe, no.maybe)
        return Code(maybe=maybe, cost=cost, frames=frames, spread=spread)
    many = _choose(decided, yes.many, no.many)
    return Code(many=many, cost=cost, frames=frames, spread=spread)


def _choose(condition: One, yes: One, no: One) -> One:
    def choose(value: Value, env: Env, run: Run) -> Value:
        held = condition(value, env, run)
        if held is None or held is False:
            return no(value, env, run)
        return yes(value, env, run)

    return choose


def _for_each_condition(condition: Code, yes: Code, no: Code) -> Many:
    conditions, when, otherwise = condition.many, yes.many, no.many
    cost = max(yes.cost, no.cost) + 1

    def each(value: Value, env: Env, run: Run) -> Iterator[Value]:
        for held in conditions(value, env, run):
            run.charge(cost)
            branch = otherwise if held is None or held is False else when
            yield from branch(value, env, run)

    return each


@compiles(n.Try)
def compile_try(node: n.Try, scope: Scope, located: bool, _tail: bool) -> Code:
    body = compiled(node.body, scope, located)
    if node.handler is None:
        cost, frames = body.cost + 1, body.frames + 1
        if body.maybe is not None:
            attempt = _attempt(body.maybe)
            return Code(maybe=attempt, cost=cost, frames=frames, spread=body.spread)
        many = _attempt_all(body.many, None, located)
        return Code(many=many, cost=cost, frames=frames, spread=body.spread)
    handler = compiled(node.handler, scope, located)
    cost, frames = body.cost + handler.cost + 1, max(body.frames, handler.frames) + 1
    if body.one is not None and handler.one is not None:
        one = _attempt_one(body.one, handler.one, located)
        return Code(one=one, cost=cost, frames=frames)
    return Code(many=_attempt_all(body.many, handler.many, located), cost=cost, frames=frames)


def _attempt(body: One) -> One:
    def attempt(value: Value, env: Env, run: Run) -> Value:
        frames = run.frames
        try:
            return body(value, env, run)
        except JqError:
            run.frames = frames
            run.charge(_CATCHING)
            return MISSING

    return attempt


def _attempt_one(body: One, handler: One, located: bool) -> One:
    def attempt(value: Value, env: Env, run: Run) -> Value:
        frames = run.frames
        try:
            return body(value, env, run)
        except JqError as error:
            run.frames = frames
            run.charge(_CATCHING)
            caught = error.value
        return handler((NOWHERE, caught) if located else caught, env, run)

    return attempt


# Raising and catching costs some 30 times an ordinary step.
_CATCHING = 30


def _attempt_all(body: Many, handler: Many | None, located: bool) -> Many:
    def attempt(value: Value, env: Env, run: Run) -> Iterator[Value]:
        frames = run.frames
        try:
            yield from body(value, env, run)
        except JqError as error:
            run.frames = frames
            run.charge(_CATCHING)
            if handler is None:
                return
            caught = error.value
        else:
            return
        yield from handler((NOWHERE, caught) if located else caught, env, run)

    return attempt


@compiles(n.Alternative)
def compile_alternative(node: n.Alternative, scope: Scope, located: bool, _tail: bool) -> Code:
    left, right = compiled(node.left, scope, located), compiled(node.right, scope, located)
    cost, frames = left.cost + right.cost + 1, max(left.frames, right.frames) + 1
    first, second = left.one, right.one
    if first is not None and second is not None and not located:
        spread = either(left, right)
        return Code(_or_else(first, second), cost, frames, spread)
    lefts, rights = left.many, right.many

    def alternatives(value: Value, env: Env, run: Run) -> Iterator[Value]:
        found = False
        for result in lefts(value, env, run):
            plain = result[1] if located else result
            if plain is not None and plain is not False:
                found = True
                yield result
        if not found:
            yield from rights(value, env, run)

    return Code(many=alternatives, cost=cost, frames=frames)


def _or_else(first: One, second: One) -> One:
    def or_else(value: Value, env: Env, run: Run) -> Value:
        result = first(value, env, run)
        return second(value, env, run) if result is None or result is False else result

    return or_else


@compiles(n.Label)
def compile_label(node: n.Label, scope: Scope, located: bool, _tail: bool) -> Code:
    body = compiled(node.body, scope.bound(f"*{node.name}"), located)
    many = body.many

    def label(value: Value, env: Env, run: Run) -> Iterator[Value]:
        token, frames = object(), run.frames
        try:
            yield from many(value, (token, env), run)
        except Break as leaving:
            if leaving.token is not token:
                raise
            run.frames = frames

    return Code(many=label, cost=body.cost + 2, frames=body.frames + 1)


@compiles(n.BreakOut)
def compile_break(node: n.BreakOut, scope: Scope, _located: bool, _tail: bool) -> Code:
    bound = scope.find(f"*{node.name}")
    if bound is None:
        raise Problem(f"There is no 'label ${node.name}' around this break", node.start, node.end)
    read = reader(scope.depth - 1 - bound.slot)

    def leave(value: Value, env: Env, run: Run) -> Value:
        run.charge(_CATCHING)
        raise Break(read(value, env, run))

    return Code(one=leave, cost=2, frames=2)


@compiles(n.Define)
def compile_define(node: n.Define, scope: Scope, located: bool, tail: bool) -> Code:
    return compiled(node.rest, scope.with_function(node), located, tail)
