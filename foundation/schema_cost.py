"""How often checking a value against a schema may evaluate one spot of the value, at worst.

A few lines of schema can make a validator work for years: `anyOf` over references over `anyOf`, or
recursion into the same spot twice per level. The validator runs in the event loop's thread, so one
hostile server could stop a worker for all tenants. This analysis bounds the work before it is done.

It reads the schema as a graph. Edges *in place* (anyOf, $ref, if...) evaluate the same spot again;
edges *down* go to a part of it. A spot is never both object and array, so recursion through `items`
in one branch and through `properties` in another does not multiply.

Only references of the form `#/...` are followed; others are refused, remote ones among them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Final
from urllib.parse import unquote

from foundation.errors import InvalidInputError
from foundation.json import JsonObject, JsonValue

MAX_SUBSCHEMAS: Final = 5_000
# Parsers of what comes over the wire stop here, so no value is deeper.
MAX_VALUE_DEPTH: Final = 200
# More than is ever permitted: where counting stops.
ENDLESS: Final = 1_000_000_000

_IN_PLACE: Final = (
    "not", "if", "then", "else", "allOf", "anyOf", "oneOf", "dependentSchemas", "dependencies",
)  # fmt: skip
_ANY_FIELD: Final = (
    "patternProperties", "additionalProperties", "unevaluatedProperties", "propertyNames",
)  # fmt: skip
_ANY_ITEM: Final = ("contains", "additionalItems", "unevaluatedItems")
# Their values are objects of schemas; those of the others are a schema or a list of schemas.
_MAPS: Final = frozenset({"properties", "patternProperties", "dependentSchemas", "dependencies"})
# These look again at what the branches beside them already looked at.
_TWICE: Final = ("unevaluatedProperties", "unevaluatedItems")
_UNBOUNDED_REFERENCES: Final = ("$dynamicRef", "$recursiveRef")


class SchemaRefusedError(InvalidInputError):
    """A schema that we cannot check values with, or not in bounded time."""

    code = "schema-refused"


@dataclass
class _Node:
    """One subschema: the subschemas for the same spot, and per part of it those for that part."""

    in_place: list[int] = field(default_factory=list)
    fields: list[list[int]] = field(default_factory=list)
    items: list[list[int]] = field(default_factory=list)
    weight: int = 1


class Graph:
    """The subschemas that can take part in an evaluation.

    Raises:
        SchemaRefusedError: For too many of them, references we do not follow, and a schema that
            refers to itself without going deeper.
    """

    def __init__(self, root: JsonValue) -> None:
        self._root = root
        self._nodes: list[_Node] = []
        self._index: dict[int, int] = {}
        self._waiting: list[tuple[_Node, JsonObject]] = []
        self._visit(root)
        while self._waiting:
            node, schema = self._waiting.pop()
            self._read(node, schema)
        edges = {at: node.in_place for at, node in enumerate(self._nodes)}
        try:
            self._order = list(TopologicalSorter(edges).static_order())
        except CycleError as error:
            raise SchemaRefusedError("it refers to itself without going deeper") from error

    def evaluations(self) -> list[int]:
        """Return, by depth of the value, the most evaluations of the spots on one way down.

        A scalar has depth 0. The last number holds for all greater depths.
        """
        level = self._level([0] * len(self._nodes))
        found = [level[0]]
        while len(found) <= MAX_VALUE_DEPTH and found[-1] < ENDLESS:
            deeper = self._level(level)
            if deeper == level:
                break
            level = deeper
            found.append(level[0])
        return found

    def _level(self, below: list[int]) -> list[int]:
        """Count one level of the value, given the counts one level further down."""
        as_object, as_array = [0] * len(self._nodes), [0] * len(self._nodes)
        for at in self._order:
            node = self._nodes[at]
            for counts, parts in ((as_object, node.fields), (as_array, node.items)):
                here = 1 + sum(counts[child] for child in node.in_place)
                down = max((sum(below[child] for child in part) for part in parts), default=0)
                counts[at] = min(node.weight * (here + down), ENDLESS)
        return [max(pair) for pair in zip(as_object, as_array, strict=True)]

    def _visit(self, schema: JsonValue) -> int:
        """Return the number of a subschema, which will be read once."""
        known = self._index.get(id(schema)) if isinstance(schema, dict) else None
        if known is not None:
            return known
        if len(self._nodes) >= MAX_SUBSCHEMAS:
            raise SchemaRefusedError(f"it has more than {MAX_SUBSCHEMAS:,} subschemas")
        node = _Node()
        self._nodes.append(node)
        if isinstance(schema, dict):
            self._index[id(schema)] = len(self._nodes) - 1
            self._waiting.append((node, schema))
        return len(self._nodes) - 1

    def _read(self, node: _Node, schema: JsonObject) -> None:
        if any(keyword in schema for keyword in _UNBOUNDED_REFERENCES):
            raise SchemaRefusedError("it uses a dynamic reference, which cannot be bounded")
        if schema is not self._root and ("$id" in schema or isinstance(schema.get("id"), str)):
            raise SchemaRefusedError("a part of it has its own '$id', which moves references")
        if any(keyword in schema for keyword in _TWICE):
            node.weight = 2
        if (reference := schema.get("$ref")) is not None:
            node.in_place.append(self._visit(self._resolve(reference)))
        node.in_place += self._visit_all(_under(schema, _IN_PLACE))
        listed = "items" if isinstance(schema.get("items"), list) else "prefixItems"
        rest = _ANY_ITEM if listed == "items" else ("items", *_ANY_ITEM)
        node.fields = self._parts(_under(schema, ["properties"]), _under(schema, _ANY_FIELD))
        node.items = self._parts(_under(schema, [listed]), _under(schema, rest))

    def _parts(self, single: list[JsonValue], everywhere: list[JsonValue]) -> list[list[int]]:
        """Return what evaluates each named part, and what evaluates a part with no name."""
        rest = self._visit_all(everywhere)
        return [[self._visit(part), *rest] for part in single] + [rest]

    def _visit_all(self, schemas: list[JsonValue]) -> list[int]:
        return [self._visit(schema) for schema in schemas]

    def _resolve(self, reference: JsonValue) -> JsonValue:
        if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/")):
            raise SchemaRefusedError(
                f"it refers to '{str(reference)[:200]}'; only references inside the schema, like "
                "'#/$defs/name', are followed"
            )
        target = self._root
        for step in unquote(reference).split("/")[1:]:
            target = _child(target, step.replace("~1", "/").replace("~0", "~"), reference)
        return target


def _under(schema: JsonObject, keywords: Iterable[str]) -> list[JsonValue]:
    """Return the subschemas below some keywords."""
    found: list[JsonValue] = []
    for keyword in keywords:
        value = schema.get(keyword)
        if keyword in _MAPS:
            value = list(value.values()) if isinstance(value, dict) else None
        found += value if isinstance(value, list) else [value]
    return [one for one in found if isinstance(one, dict | bool)]


def _child(value: JsonValue, step: str, reference: str) -> JsonValue:
    if isinstance(value, dict) and step in value:
        return value[step]
    if isinstance(value, list) and step.isdecimal() and int(step) < len(value):
        return value[int(step)]
    raise SchemaRefusedError(f"it refers to '{reference[:200]}', which is not in it")
