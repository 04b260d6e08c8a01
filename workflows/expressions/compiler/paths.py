"""Where values are found: `.`, `.name`, `.[index]`, `.[low:high]`, `.[]`, `..`."""

from collections.abc import Iterable, Iterator
from typing import Final

from workflows.expressions.access import Path, children, get, keys_of
from workflows.expressions.compiler.code import (
    Code,
    Env,
    Listing,
    One,
    Scope,
    at_value,
    compiled,
    compiles,
)
from workflows.expressions.compiler.explain import located_error
from workflows.expressions.errors import JqError, ResultError, Value
from workflows.expressions.meter import Run
from workflows.expressions.syntax import nodes as n

# The path of a value that was computed and does not stand anywhere in the input.
NOWHERE: Final[Path] = ("nowhere",)
_ITERATING: Final = "Invalid path expression near attempt to iterate through {}"


@compiles(n.Identity)
def compile_identity(_node: n.Identity, _scope: Scope, _located: bool, _tail: bool) -> Code:
    return Code(lambda value, _env, _run: value, 0, 1, 1)


@compiles(n.Field)
def compile_field(node: n.Field, scope: Scope, located: bool, _tail: bool) -> Code:
    if located:
        return compile_step(node, node.target, n.Literal(node.start, node.end, node.name), scope)
    name = node.name
    if type(node.target) is n.Identity:

        def field(value: Value, env: Env, run: Run) -> Value:
            if type(value) is dict:
                return value.get(name)
            if value is None:
                return None
            try:
                return get(run, value, name)
            except JqError as error:
                raise located_error(error, node, value, env, run) from None

        return Code(field, 1, 1, 1)
    target = compiled(node.target, scope)
    inner = target.one
    if inner is None:
        return _each(node, target, name)

    def field_of(value: Value, env: Env, run: Run) -> Value:
        found = inner(value, env, run)
        if type(found) is dict:
            return found.get(name)
        if found is None:
            return None
        try:
            return get(run, found, name)
        except JqError as error:
            raise located_error(error, node, value, env, run) from None

    return Code(field_of, target.cost + 1, target.frames + 1, target.spread)


def _each(node: n.Field, target: Code, name: str) -> Code:
    many = target.many

    def fields(value: Value, env: Env, run: Run) -> Iterator[Value]:
        for found in many(value, env, run):
            run.charge(1)
            try:
                part = get(run, found, name)
            except JqError as error:
                raise located_error(error, node, value, env, run) from None
            yield part

    return Code(many=fields, cost=target.cost, frames=target.frames + 1, spread=target.spread)


@compiles(n.Index)
def compile_index(node: n.Index, scope: Scope, located: bool, _tail: bool) -> Code:
    if located:
        return compile_step(node, node.target, node.index, scope)
    target, index = compiled(node.target, scope), compiled(node.index, scope)
    cost, frames = target.cost + index.cost + 1, target.frames + index.frames + 1
    inner, key = target.one, index.one
    if inner is not None and key is not None:

        def item(value: Value, env: Env, run: Run) -> Value:
            wanted = key(value, env, run)
            found = inner(value, env, run)
            try:
                return get(run, found, wanted)
            except JqError as error:
                raise located_error(error, node, value, env, run) from None

        return Code(item, cost, frames, target.spread)
    targets, keys = target.many, index.many

    def items(value: Value, env: Env, run: Run) -> Iterator[Value]:
        for each in keys(value, env, run):
            run.charge(target.cost + 1)
            for found in targets(value, env, run):
                run.charge(1)
                try:
                    part = get(run, found, each)
                except JqError as error:
                    raise located_error(error, node, value, env, run) from None
                yield part

    return Code(many=items, cost=cost, frames=frames)


@compiles(n.Slice)
def compile_slice(node: n.Slice, scope: Scope, located: bool, _tail: bool) -> Code:
    none = n.Literal(node.start, node.end, None)
    key = n.Object(
        node.start,
        node.end,
        [
            (n.Literal(node.start, node.end, "start"), node.low or none),
            (n.Literal(node.start, node.end, "end"), node.high or none),
        ],
    )
    return compile_index(n.Index(node.start, node.end, node.target, key), scope, located, _tail)


def compile_step(node: n.Node, target_node: n.Node, index_node: n.Node, scope: Scope) -> Code:
    """Compile `target[index]` for pairs of a path and a value."""
    target = compiled(target_node, scope, located=True)
    index = at_value(compiled(index_node, scope), located=True)
    cost, frames = target.cost + index.cost + 2, target.frames + index.frames + 1

    def step(pair: tuple[Path, Value], key: Value, run: Run) -> tuple[Path, Value]:
        path, value = pair
        if path is NOWHERE:
            raise ResultError(
                "Invalid path expression near attempt to access element {} of {}", key, value
            )
        run.fuel -= 3 + (len(path) >> 3)
        if run.fuel < 0:
            run.charge(0)
        return (*path, key), get(run, value, key)

    inner, one_key = target.one, index.one
    if inner is not None and one_key is not None:

        def located_item(value: Value, env: Env, run: Run) -> Value:
            wanted = one_key(value, env, run)
            found = inner(value, env, run)
            try:
                return step(found, wanted, run)
            except JqError as error:
                raise located_error(error, node, value[1], env, run) from None

        return Code(one=located_item, cost=cost, frames=frames)
    targets, keys = target.many, index.many

    def located_items(value: Value, env: Env, run: Run) -> Iterator[Value]:
        for key in keys(value, env, run):
            run.charge(target.cost + 1)
            for found in targets(value, env, run):
                run.charge(2)
                try:
                    pair = step(found, key, run)
                except JqError as error:
                    raise located_error(error, node, value[1], env, run) from None
                yield pair

    return Code(many=located_items, cost=cost, frames=frames)


@compiles(n.Iterate)
def compile_iterate(node: n.Iterate, scope: Scope, located: bool, _tail: bool) -> Code:
    target = compiled(node.target, scope, located)
    if located:
        return _located_iterate(node, target)
    inner = target.one
    if inner is not None:
        iterate = _iterate_one(node, inner)
        cost, frames = target.cost + 1, target.frames + 1
        return Listing(iterate, cost, frames, target.spread, eager=iterate)
    targets = target.many

    def iterate_all(value: Value, env: Env, run: Run) -> Iterator[Value]:
        for found in targets(value, env, run):
            try:
                items = children(found)
            except JqError as error:
                raise located_error(error, node, value, env, run) from None
            run.charge(len(items) + 1)
            yield from items

    return Code(
        many=iterate_all, cost=target.cost + 1, frames=target.frames + 1, spread=target.spread
    )


def _iterate_one(node: n.Iterate, inner: One) -> One:
    def iterate(value: Value, env: Env, run: Run) -> Iterable[Value]:
        found = inner(value, env, run)
        if type(found) is list:
            items: Iterable[Value] = found
        elif type(found) is dict:
            items = list(found.values())
        else:
            try:
                items = children(found)
            except JqError as error:
                raise located_error(error, node, value, env, run) from None
        run.fuel -= len(found)
        if run.fuel < 0:
            run.charge(0)
        return items

    return iterate


def _located_iterate(node: n.Iterate, target: Code) -> Code:
    targets = target.many

    def iterate(value: Value, env: Env, run: Run) -> Iterator[Value]:
        for path, found in targets(value, env, run):
            if path is NOWHERE:
                raise ResultError(_ITERATING, found)
            try:
                items = children(found)
            except JqError as error:
                raise located_error(error, node, value[1], env, run) from None
            run.charge((3 + (len(path) >> 3)) * len(items) + 1)
            for key, item in zip(keys_of(found), items, strict=True):
                yield (*path, key), item

    return Code(many=iterate, cost=target.cost + 1, frames=target.frames + 1)


@compiles(n.RecurseDefault)
def compile_recurse_default(
    _node: n.RecurseDefault, _scope: Scope, located: bool, _tail: bool
) -> Code:
    return Code(many=_located_descend if located else _descend, cost=2)


def _descend(value: Value, _env: Env, run: Run) -> Iterator[Value]:
    """Yield a value and everything in it, containers before their content."""
    yield value
    stack = [iter(_inside(value))]
    while stack:
        for item in stack[-1]:
            run.fuel -= 2
            if run.fuel < 0:
                run.charge(0)
            yield item
            if type(item) is list or type(item) is dict:
                stack.append(iter(_inside(item)))
                break
        else:
            stack.pop()


def _inside(value: Value) -> Iterable[Value]:
    if type(value) is list:
        return value
    return value.values() if type(value) is dict else ()


def _located_descend(pair: Value, _env: Env, run: Run) -> Iterator[Value]:
    yield pair
    stack = [_located_inside(pair)]
    while stack:
        for item in stack[-1]:
            run.charge(4 + len(item[0]) // 6)
            yield item
            if type(item[1]) is list or type(item[1]) is dict:
                stack.append(_located_inside(item))
                break
        else:
            stack.pop()


def _located_inside(pair: tuple[Path, Value]) -> Iterator[tuple[Path, Value]]:
    path, value = pair
    if type(value) is not list and type(value) is not dict:
        return iter(())
    if path is NOWHERE:
        raise ResultError(_ITERATING, value)
    return (((*path, key), item) for key, item in zip(keys_of(value), children(value), strict=True))
