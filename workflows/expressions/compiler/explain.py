"""Say where an error happened and, when a null caused it, which key was missing. Errors only."""

from typing import Final

from workflows.expressions.compiler.code import Env
from workflows.expressions.errors import JqError, Value
from workflows.expressions.meter import Run
from workflows.expressions.syntax import nodes as n

_SHOWN_KEYS: Final = 8
_KEY_CHARS: Final = 24


def located_error(error: JqError, node: n.Node, value: Value, _env: Env, run: Run) -> JqError:
    """Note the place in an error that has none yet; `value` is the input of the node."""
    if error.span is None and node.start >= 0:
        error.span = (node.start, node.end)
        if error.hint is None and any(operand is None for operand in error.operands):
            hints = (missing_key(part, value, run) for part in _operands(node))
            error.hint = next((hint for hint in hints if hint), None)
    return error


def _operands(node: n.Node) -> tuple[n.Node, ...]:
    match node:
        case n.Binary(left=left, right=right):
            return left, right
        case n.Index(target=target, index=index):
            return target, index
        case n.Field(target=target) | n.Iterate(target=target):
            return (target,)
        case n.Update(left=left, right=right):
            return left, right
        case n.Text(parts=parts):
            return tuple(part for part in parts if isinstance(part, n.Node))
        case n.Negate(body=body):
            return (body,)
        case n.Pipe(left=left):
            return (left,)
        case _:
            return (node,)


def missing_key(node: n.Node, value: Value, run: Run) -> str | None:
    """Follow a path expression as far as it goes; name the first key that is not there."""
    keys: list[str | int] = []
    while not isinstance(node, n.Identity | n.Variable):
        match node:
            case n.Field(target=target, name=name):
                keys.append(name)
            case n.Index(target=target, index=n.Literal(value=int() as position)):
                keys.append(position)
            case n.Pipe(left=left, right=right):
                head = missing_key(left, value, run)
                if head is not None or not isinstance(right, n.Field):
                    return head
                return None
            case _:
                return None
        node = target
    here = ""
    if isinstance(node, n.Variable):
        if node.local or node.name not in run.variables:
            return None
        value, here = run.variables[node.name], f"${node.name}"
    whole = here + "".join(map(_spelled, reversed(keys)))
    return _first_missing(whole, here, list(reversed(keys)), value)


def _first_missing(whole: str, here: str, keys: list[str | int], value: Value) -> str | None:
    for key in keys:
        if isinstance(key, str) and type(value) is dict:
            if key not in value:
                return f'{whole}: "{_spelled(key)}" is missing in {here or "."} ({_known(value)})'
            value = value[key]
        elif isinstance(key, int) and type(value) is list:
            if not -len(value) <= key < len(value):
                return f"{whole}: {here or '.'} has only {len(value)} items"
            value = value[key]
        elif value is None:
            return f"{whole}: {here or '.'} is null"
        else:
            return None
        here += _spelled(key)
    return f"{whole} is null" if value is None and whole else None


def _spelled(key: str | int) -> str:
    if isinstance(key, int):
        return f"[{key}]"
    return f".{key}" if key.isidentifier() else f'["{key}"]'


def _known(value: dict[str, Value]) -> str:
    if not value:
        return "it is empty"
    shown = ", ".join(key[:_KEY_CHARS] for key in list(value)[:_SHOWN_KEYS])
    return f"keys: {shown}{', ...' if len(value) > _SHOWN_KEYS else ''}"
