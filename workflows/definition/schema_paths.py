"""Which paths a JSON Schema certainly excludes: no value that it takes has anything there.

People are warned about what is found here, so whatever is uncertain counts as possible: conditions,
`not`, references that lead elsewhere, schemas that are too large to be followed.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple, TypeAlias
from urllib.parse import unquote

from foundation.json import JsonValue
from workflows.definition.schemas import InvalidSchemaError, compile_schema

# A member, an item, or None for any of them.
Key: TypeAlias = str | int | None
Keys: TypeAlias = tuple[Key, ...]

# Schemas looked at for one definition: more than any real one needs, and done in half a second.
VISITS: Final = 200_000
# ... for one path, and for one message.
_VISITS_PER_PATH: Final = 5_000
# Looking whether a pattern matches takes this much longer.
_PATTERN_VISITS: Final = 10
_MAX_KEYS: Final = 32
_CURRENT: Final = re.compile(r"https?://json-schema\.org/draft/20(?:19-09|20-12)/schema#?")
# In these, a `$ref` hides what stands beside it, and there is no `unevaluatedProperties`.
_OLD: Final = re.compile(r"https?://json-schema\.org/draft-0[467]/schema#?")
_NONE_FOLLOWED: Final[frozenset[str]] = frozenset()


class Exclusion(NamedTuple):
    """Why there is nothing at a path.

    Attributes:
        position: Of the key that cannot be there.
        members: What can be there instead, as far as it has names.
        types: Which types the value that was to have the key can have; empty when any.
    """

    position: int
    members: tuple[str, ...]
    types: tuple[str, ...]


class Budget:
    """How many schemas may still be looked at; afterwards everything counts as possible."""

    def __init__(self, visits: int = VISITS) -> None:
        self.left = visits


class SchemaPaths:
    """What one schema, which compiles, says of paths.

    Args:
        root: The schema.
        budget: Shared by all schemas of a definition.
    """

    def __init__(self, root: JsonValue, budget: Budget) -> None:
        self._walk = _Walk(root)
        self._budget = budget
        self._known: dict[Keys, Exclusion | None] = {}

    def exclusion(self, keys: Keys) -> Exclusion | None:
        """Return why the schema excludes a path; None when it does not, or may not."""
        if keys not in self._known:
            self._known[keys] = self._found(keys) if self._walk.is_certain else None
        return self._known[keys]

    def _found(self, keys: Keys) -> Exclusion | None:
        walk = self._walk
        given = walk.left = min(_VISITS_PER_PATH, self._budget.left)
        try:
            for position in range(min(len(keys), _MAX_KEYS)):
                if not walk.allows(walk.root, keys[: position + 1]):
                    return walk.explained(position, keys[:position])
            return None
        finally:
            self._budget.left = max(0, self._budget.left - (given - walk.left))


class _Walk:
    """Goes through one schema, a bounded number of steps."""

    def __init__(self, root: Any) -> None:
        self.root = root
        self.left = 0
        dialect = root.get("$schema") if isinstance(root, dict) else None
        self.is_old = isinstance(dialect, str) and _OLD.fullmatch(dialect) is not None
        is_known = dialect is None or self.is_old or _CURRENT.fullmatch(str(dialect)) is not None
        # A schema inside with an address of its own changes what `#/...` means there.
        self.is_certain = is_known and not any("$id" in each for each in _objects_below(root))

    def allows(self, schema: Any, keys: Keys, followed: frozenset[str] = _NONE_FOLLOWED) -> bool:
        """Tell whether a value of this schema may have something at a path."""
        self.left -= 1
        if self.left < 0:
            return True
        if not isinstance(schema, dict):
            return schema is not False
        reference = schema.get("$ref")
        if isinstance(reference, str):
            target = self.target(reference)
            if target is not None and reference not in followed:
                inner = followed | {reference}
                if not self.allows(target, keys, inner):
                    return False
            if self.is_old:
                return True
        if keys and not self._has(schema, keys[0], keys[1:]):
            return False
        return all(self.allows(each, keys, followed) for each in _list(schema, "allOf")) and all(
            any(self.allows(each, keys, followed) for each in _list(schema, choice))
            for choice in ("anyOf", "oneOf")
            if _list(schema, choice)
        )

    def target(self, reference: str) -> Any:
        """Follow `#/$defs/name`; None for what is no such pointer."""
        pointer = unquote(reference)
        if pointer not in ("#", "") and not pointer.startswith("#/"):
            return None
        found = self.root
        for token in pointer[2:].split("/") if len(pointer) > 1 else ():
            key = token.replace("~1", "/").replace("~0", "~")
            if isinstance(found, dict):
                found = found.get(key)
            elif isinstance(found, list) and key.isdecimal() and int(key) < len(found):
                found = found[int(key)]
            else:
                return None
        return found

    def _has(self, schema: dict[str, Any], key: Key, rest: Keys) -> bool:
        match key:
            case str():
                return _may_be(schema, "object") and self._has_member(schema, key, rest)
            case int():
                return _may_be(schema, "array") and self._has_item(schema, key, rest)
            case None:
                return (_may_be(schema, "array") and self._has_items(schema, rest)) or (
                    _may_be(schema, "object") and self._has_members(schema, rest)
                )

    def _has_member(self, schema: dict[str, Any], name: str, rest: Keys) -> bool:
        is_named = False
        for each, is_sure in self._members(schema, name):
            is_named = True
            if is_sure and not self.allows(each, rest):
                return False
        if is_named:
            return True
        if "additionalProperties" in schema:
            return self.allows(schema["additionalProperties"], rest)
        if "unevaluatedProperties" in schema and not self.is_old:
            inner = (each for each, _ in self._in_place(schema))
            if not any(self._may_evaluate(each, name) for each in inner):
                return self.allows(schema["unevaluatedProperties"], rest)
        return True

    def _members(self, schema: dict[str, Any], name: str) -> Iterator[tuple[Any, bool]]:
        """Go through what a schema says of a member, and whether it surely speaks of this one."""
        properties = _dict(schema, "properties")
        if name in properties:
            yield properties[name], True
        for pattern, each in _dict(schema, "patternProperties").items():
            self.left -= _PATTERN_VISITS
            # Without steps left it may match.
            matches = _matches(pattern, name) if self.left > 0 else None
            if matches is not False:
                yield each, matches is True

    def _may_evaluate(
        self, schema: Any, name: str, followed: frozenset[str] = _NONE_FOLLOWED
    ) -> bool:
        """Tell whether `unevaluatedProperties` beside this schema may not speak of a member."""
        self.left -= 1
        if self.left < 0:
            return True
        if not isinstance(schema, dict):
            return schema not in (True, False)
        everything = ("additionalProperties", "unevaluatedProperties", "$dynamicRef")
        if any(each in schema for each in everything) or any(self._members(schema, name)):
            return True
        return any(
            self._may_evaluate(each, name, followed | {reference})
            for each, reference in self._in_place(schema)
            if not reference or reference not in followed
        )

    def _in_place(self, schema: dict[str, Any]) -> Iterator[tuple[Any, str]]:
        """Go through the schemas that speak of the same value, with the reference to them."""
        for several in ("allOf", "anyOf", "oneOf"):
            yield from ((each, "") for each in _list(schema, several))
        yield from ((schema[each], "") for each in ("if", "then", "else") if each in schema)
        yield from ((each, "") for each in _dict(schema, "dependentSchemas").values())
        if isinstance(reference := schema.get("$ref"), str):
            yield self.target(reference), reference

    def _has_item(self, schema: dict[str, Any], index: int, rest: Keys) -> bool:
        first, others = self._items(schema)
        limit = schema.get("maxItems")
        if isinstance(limit, int) and (index >= limit or -index > limit):
            return False
        if index < 0:
            return bool(first) or self.allows(others, rest)
        return self.allows(first[index] if index < len(first) else others, rest)

    def _has_items(self, schema: dict[str, Any], rest: Keys) -> bool:
        first, others = self._items(schema)
        return schema.get("maxItems") != 0 and any(
            self.allows(each, rest) for each in (*first, others)
        )

    def _items(self, schema: dict[str, Any]) -> tuple[Sequence[Any], Any]:
        """Return what a schema says of the first items, and of those behind them."""
        if isinstance(schema.get("items"), list):
            return schema["items"], schema.get("additionalItems", True)
        return () if self.is_old else _list(schema, "prefixItems"), schema.get("items", True)

    def _has_members(self, schema: dict[str, Any], rest: Keys) -> bool:
        every = (*_dict(schema, "properties").values(), *_patterns(schema))
        others = schema.get("additionalProperties", True)
        return any(self.allows(each, rest) for each in (*every, others))

    def explained(self, position: int, parent: Keys) -> Exclusion:
        """Say what is at the place where a key is missing."""
        members: dict[str, None] = {}
        types: dict[str, None] = {}
        for schema in self._at(self.root, parent, _NONE_FOLLOWED):
            members.update(dict.fromkeys(_dict(schema, "properties")))
            given = schema.get("type", [])
            types.update(dict.fromkeys([given] if isinstance(given, str) else given))
        return Exclusion(position, tuple(members), tuple(types))

    def _at(self, schema: Any, keys: Keys, followed: frozenset[str]) -> Iterator[dict[str, Any]]:
        """Go through the schemas that speak of the value at a path."""
        self.left -= 1
        if self.left < 0 or not isinstance(schema, dict):
            return
        if not keys:
            yield schema
        else:
            for each in self._below(schema, keys[0]):
                yield from self._at(each, keys[1:], _NONE_FOLLOWED)
        for each, reference in self._in_place(schema):
            if not reference or reference not in followed:
                yield from self._at(each, keys, followed | {reference})

    def _below(self, schema: dict[str, Any], key: Key) -> Iterator[Any]:
        if isinstance(key, str):
            named = [each for each, _ in self._members(schema, key)]
            yield from named or [schema.get("additionalProperties")]
            return
        first, others = self._items(schema)
        if isinstance(key, int) and 0 <= key < len(first):
            yield first[key]
            return
        if key is None or key < 0:
            yield from first
        yield others
        if key is None:
            yield from (*_dict(schema, "properties").values(), *_patterns(schema))


def _objects_below(root: Any) -> Iterator[dict[str, Any]]:
    pending = list(root.values()) if isinstance(root, dict) else []
    while pending:
        found = pending.pop()
        if isinstance(found, dict):
            yield found
            pending.extend(found.values())
        elif isinstance(found, list):
            pending.extend(found)


def _may_be(schema: dict[str, Any], kind: str) -> bool:
    types = schema.get("type")
    return types is None or kind == types or (isinstance(types, list) and kind in types)


def _matches(pattern: str, name: str) -> bool | None:
    """Tell whether a pattern of `patternProperties` matches; None when that is not known."""
    try:
        return compile_schema({"pattern": pattern}).is_valid(name)
    except InvalidSchemaError:
        return None


def _patterns(schema: dict[str, Any]) -> Sequence[Any]:
    return list(_dict(schema, "patternProperties").values())


def _list(schema: dict[str, Any], key: str) -> Sequence[Any]:
    found = schema.get(key)
    return found if isinstance(found, list) else ()


def _dict(schema: dict[str, Any], key: str) -> dict[str, Any]:
    found = schema.get(key)
    return found if isinstance(found, dict) else {}
