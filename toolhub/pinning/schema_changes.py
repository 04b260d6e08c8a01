"""Two versions of a schema side by side: what changed, and whether who fits the old fits the new.

Only where that is certain a change counts as additive; whatever this does not understand, or stands
where loosening means tightening (`not`, `if`, `oneOf`), is breaking.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, NamedTuple, TypeAlias, TypeGuard

from foundation.json import JsonObject, JsonValue

Path: TypeAlias = tuple[str, ...]
_WORDS: Final = frozenset({"title", "description", "$comment", "examples", "deprecated"})
_AT_LEAST: Final = frozenset(
    {"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"}
)
_AT_MOST: Final = frozenset(
    {"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"}
)
_SCHEMAS_BY_NAME: Final = frozenset({"properties", "$defs", "definitions", "patternProperties"})
_ONE_SCHEMA: Final = frozenset({"items", "additionalProperties", "propertyNames"})
# With one of them somewhere, a looser part can make a tighter whole.
_TURNING: Final = frozenset(
    {
        *("not", "if", "oneOf", "contains", "unevaluatedProperties", "unevaluatedItems"),
        *("$dynamicRef", "$recursiveRef", "dependentSchemas", "dependencies"),
    }
)


class _Gone:
    """What is not there."""


_GONE: Final = _Gone()
_There: TypeAlias = JsonValue | _Gone


class SchemaChange(NamedTuple):
    """One spot that is another one now.

    Attributes:
        effect: `words` say something else; `wider` accepts all it did before; `narrower` may not.
    """

    path: Path
    before: JsonValue
    after: JsonValue
    effect: str


@dataclass(frozen=True)
class _Comparison:
    path: Path
    turning: bool


def schema_changes(before: JsonObject, after: JsonObject) -> Iterator[SchemaChange]:
    """Compare two schemas; `wider` and `narrower` are about what they accept."""
    turning = _turns(before) or _turns(after)
    yield from _schemas(_Comparison((), turning), before, after)


def _schemas(at: _Comparison, before: JsonValue, after: JsonValue) -> Iterator[SchemaChange]:
    if _same(before, after):
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted({*before, *after}):
            here = replace(at, path=(*at.path, key))
            yield from _keyword(here, key, before.get(key, _GONE), after.get(key, _GONE))
        return
    wider = after is True and not at.turning
    yield SchemaChange(at.path, before, after, "wider" if wider else "narrower")


def _keyword(at: _Comparison, key: str, before: _There, after: _There) -> Iterator[SchemaChange]:
    if _same(before, after):
        return
    if key in _WORDS:
        yield _change(at.path, before, after, "words")
    elif key in _SCHEMAS_BY_NAME:
        yield from _by_name(at, key, before, after)
    elif key in _ONE_SCHEMA and not isinstance(before, _Gone) and not isinstance(after, _Gone):
        yield from _schemas(at, before, after)
    else:
        wider = not at.turning and _is_wider(key, before, after)
        yield _change(at.path, before, after, "wider" if wider else "narrower")


def _by_name(at: _Comparison, key: str, before: _There, after: _There) -> Iterator[SchemaChange]:
    old, new = ({} if isinstance(part, _Gone) else part for part in (before, after))
    if not isinstance(old, dict) or not isinstance(new, dict):
        yield _change(at.path, before, after, "narrower")
        return
    for name in sorted({*old, *new}):
        here = replace(at, path=(*at.path, name))
        if name in old and name in new:
            yield from _schemas(here, old[name], new[name])
        elif name in new:
            # Strictly, an object that was open accepted any value under this name. Nobody sent one.
            added = key != "patternProperties" and not at.turning
            yield _change(here.path, _GONE, new[name], "wider" if added else "narrower")
        else:
            yield _change(here.path, old[name], _GONE, "narrower")


def _is_wider(key: str, before: _There, after: _There) -> bool:
    match key:
        case "required" | "enum" | "type" | "anyOf":
            return _is_wider_list(key, before, after)
        case "const" | "pattern" | "format" | "multipleOf" | "uniqueItems" | "additionalProperties":
            return isinstance(after, _Gone) or (key == "additionalProperties" and after is True)
        case _ if key in _AT_LEAST | _AT_MOST:
            return _is_wider_bound(key, before, after)
        case _:
            return False  # `default` among them: what is left out would mean something else


def _is_wider_list(key: str, before: _There, after: _There) -> bool:
    if isinstance(after, _Gone):
        return True
    if isinstance(before, _Gone):
        return False
    old, new = _items(before), _items(after)
    if key == "required":
        return all(any(_same(item, other) for other in old) for item in new)
    if key == "type" and "number" in new and "integer" in old:
        new = [*new, "integer"]
    return all(any(_same(item, other) for other in new) for item in old)


def _is_wider_bound(key: str, before: _There, after: _There) -> bool:
    if isinstance(after, _Gone):
        return True
    if not _is_number(before) or not _is_number(after):
        return False
    low, high = (after, before) if key in _AT_LEAST else (before, after)
    return low <= high


def _is_number(value: _There) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _items(value: _There) -> list[JsonValue]:
    if isinstance(value, list):
        return value
    return [] if isinstance(value, _Gone) else [value]


def _change(path: Path, before: _There, after: _There, effect: str) -> SchemaChange:
    old = None if isinstance(before, _Gone) else before
    new = None if isinstance(after, _Gone) else after
    return SchemaChange(path, old, new, effect)


def _same(one: _There, other: _There) -> bool:
    """Compare as JSON does: `true` is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return one == other


def _turns(value: JsonValue) -> bool:
    pending: list[JsonValue] = [value]
    while pending:
        match pending.pop():
            case dict() as members:
                if not _TURNING.isdisjoint(members):
                    return True
                pending.extend(members.values())
            case list() as items:
                pending.extend(items)
            case _:
                pass  # a leaf
    return False
