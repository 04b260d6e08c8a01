"""New values: `[...]`, `{...}`, texts with programs in them, formats."""

from collections.abc import Callable, Iterator, Sequence

from workflows.expressions.builtins.formats import FORMATS
from workflows.expressions.builtins.text import to_text
from workflows.expressions.compiler.code import (
    Code,
    Env,
    Many,
    One,
    Scope,
    compiled,
    compiles,
    together,
)
from workflows.expressions.compiler.explain import located_error
from workflows.expressions.compiler.flow import SHORT_TEXT, computed
from workflows.expressions.errors import JqError, OperandError, Value
from workflows.expressions.meter import Run
from workflows.expressions.syntax import nodes as n
from workflows.expressions.syntax.lexer import Problem


@compiles(n.Array)
def compile_array(node: n.Array, scope: Scope, located: bool, _tail: bool) -> Code:
    assert node.body is not None  # noqa: S101 - an empty one is a literal
    body = compiled(node.body, scope)
    one = _wrapped(body) if body.one is not None else _collected(body)
    # Items of an array make another one that is no deeper; anything else is a level more.
    from_items = body.one is None and (body.collected or body.eager) is not None
    deeper = 0 if from_items and not isinstance(node.body, n.Comma) else body.spread > 0
    spread = together(body.spread, deeper)
    return computed(Code(one, body.cost + 1, body.frames + 1, spread), located)


def _wrapped(body: Code) -> One:
    only = body.one
    assert only is not None  # noqa: S101 - asked before
    single = only
    return lambda value, env, run: [single(value, env, run)]


def _collected(body: Code) -> One:
    collect = body.collected or body.eager
    if collect is not None:
        together = collect
        return lambda value, env, run: list(together(value, env, run))
    many = body.many

    def one(value: Value, env: Env, run: Run) -> Value:
        made = list(many(value, env, run))
        run.charge(len(made))
        return made

    return one


@compiles(n.Object)
def compile_object(node: n.Object, scope: Scope, located: bool, _tail: bool) -> Code:
    values = [compiled(value, scope) for _, value in node.entries]
    named = [
        (key.value, code.one)
        for (key, _), code in zip(node.entries, values, strict=True)
        if code.one is not None
        and type(key) is n.Literal
        and type(key.value) is str
        and len(key.value) <= SHORT_TEXT
    ]
    if len(named) == len(values):
        cost, frames = 2, 0
        for code in values:
            cost += code.cost + 2
            frames = max(frames, code.frames)
        return _built(_record(named), cost, frames, values, located)
    keys = [compiled(key, scope) for key, _ in node.entries]
    parts = [*keys, *values]
    cost = sum(part.cost for part in parts) + 2 * len(keys) + 2
    frames = max(part.frames for part in parts)
    ones = [(k.one, v.one) for k, v in zip(keys, values, strict=True) if k.one and v.one]
    if len(ones) == len(keys):
        return _built(_object(node, ones), cost, frames, parts, located)
    many = _objects(node, [(k.many, v.many) for k, v in zip(keys, values, strict=True)])
    return computed(Code(many=many, cost=cost, frames=frames + len(keys) + 2), located)


def _built(one: One, cost: int, frames: int, parts: Sequence[Code], located: bool) -> Code:
    spread = together(*[part.spread for part in parts])
    # Whatever holds something is a level deeper.
    spread = together(spread, 1) if spread else 0
    return computed(Code(one, cost, frames + 2, spread), located)


def _record(parts: "_Parts") -> One:
    """Build an object whose keys are known."""
    if len(parts) <= len(_RECORDS) and len(dict(parts)) == len(parts):
        return _RECORDS[len(parts) - 1](parts)
    return lambda value, env, run: {name: part(value, env, run) for name, part in parts}


_Parts = Sequence[tuple[str, One]]


def _record_1(parts: _Parts) -> One:
    ((name, part),) = parts
    return lambda value, env, run: {name: part(value, env, run)}


def _record_2(parts: _Parts) -> One:
    (name, part), (name_2, part_2) = parts
    return lambda value, env, run: {
        name: part(value, env, run),
        name_2: part_2(value, env, run),
    }


def _record_3(parts: _Parts) -> One:
    (name, part), (name_2, part_2), (name_3, part_3) = parts
    return lambda value, env, run: {
        name: part(value, env, run),
        name_2: part_2(value, env, run),
        name_3: part_3(value, env, run),
    }


_RECORDS: Sequence[Callable[[_Parts], One]] = (_record_1, _record_2, _record_3)


def _object(node: n.Object, parts: Sequence[tuple[One, One]]) -> One:
    def one(value: Value, env: Env, run: Run) -> Value:
        made = {}
        for key, part in parts:
            name = key(value, env, run)
            made[_key(node, name)] = part(value, env, run)
        return made

    return one


def _key(node: n.Object, name: Value) -> str:
    if type(name) is str:
        return name
    error = OperandError("Cannot use {} as object key", name)
    error.span = (node.start, node.end)
    raise error


def _objects(node: n.Object, parts: Sequence[tuple[Many, Many]]) -> Many:
    """Build an object for every combination of keys and values; the last part varies fastest."""

    def many(value: Value, env: Env, run: Run) -> Iterator[Value]:
        return rest(0, {}, value, env, run)

    def rest(
        position: int, made: dict[str, Value], value: Value, env: Env, run: Run
    ) -> Iterator[Value]:
        if position == len(parts):
            yield made
            return
        keys, values = parts[position]
        for name in keys(value, env, run):
            for part in values(value, env, run):
                run.charge_items(len(made))
                run.charge(4 + len(parts))
                yield from rest(position + 1, {**made, _key(node, name): part}, value, env, run)

    return many


@compiles(n.Text)
def compile_text(node: n.Text, scope: Scope, located: bool, _tail: bool) -> Code:
    spell = _format(node.format or "text", node)
    codes = [part if isinstance(part, str) else compiled(part, scope) for part in node.parts]
    programs = [code for code in codes if isinstance(code, Code)]
    cost = sum(code.cost + 5 for code in programs) + 2
    frames = max((code.frames for code in programs), default=0) + 3
    if all(code.one for code in programs):
        parts = [code if isinstance(code, str) else code.one for code in codes]
        one = _text(node, parts, spell)
        return computed(Code(one, cost, frames, 0), located)
    many = _texts(node, [code if isinstance(code, str) else code.many for code in codes], spell)
    return computed(Code(many=many, cost=cost, frames=frames + len(codes)), located)


def _format(name: str, node: n.Node) -> Callable[[Run, Value], str]:
    spell = to_text if name == "text" else FORMATS.get(name)
    if spell is None:
        raise Problem(
            f"'@{name}' is no format; there are {', '.join(f'@{each}' for each in FORMATS)}",
            node.start,
            node.end,
        )
    return spell


def _text(
    node: n.Text, parts: Sequence["str | One | None"], spell: Callable[[Run, Value], str]
) -> One:
    def one(value: Value, env: Env, run: Run) -> str:
        try:
            made = [
                part if isinstance(part, str) or part is None else spell(run, part(value, env, run))
                for part in reversed(parts)
            ]
        except JqError as error:
            raise located_error(error, node, value, env, run) from None
        text = "".join(each for each in reversed(made) if each)
        run.charge_text(len(text))
        return text

    return one


def _texts(node: n.Text, parts: Sequence["str | Many"], spell: Callable[[Run, Value], str]) -> Many:
    """Build a text for every combination; the first part varies fastest, as in jq."""

    def many(value: Value, env: Env, run: Run) -> Iterator[Value]:
        return rest(len(parts) - 1, "", value, env, run)

    def rest(position: int, behind: str, value: Value, env: Env, run: Run) -> Iterator[Value]:
        if position < 0:
            yield behind
            return
        part = parts[position]
        if isinstance(part, str):
            run.charge_text(len(behind) + len(part))
            yield from rest(position - 1, part + behind, value, env, run)
            return
        for item in part(value, env, run):
            run.charge(10)
            try:
                spelled = spell(run, item)
            except JqError as error:
                raise located_error(error, node, value, env, run) from None
            run.charge_text(len(behind) + len(spelled))
            yield from rest(position - 1, spelled + behind, value, env, run)

    return many


@compiles(n.Format)
def compile_format(node: n.Format, _scope: Scope, located: bool, _tail: bool) -> Code:
    spell = _format(node.name, node)

    def one(value: Value, env: Env, run: Run) -> str:
        try:
            return spell(run, value)
        except JqError as error:
            raise located_error(error, node, value, env, run) from None

    return computed(Code(one=one, cost=2, frames=3), located)
