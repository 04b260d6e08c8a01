"""How often checking a value against a schema may evaluate one spot of the value, at worst.

A few lines of schema can make a validator work for years: `anyOf` over references over `anyOf`, or
recursion into the same spot twice per level. The validator runs in the event loop's thread, so one
hostile server could stop a worker for all tenants. This analysis bounds the work before it is done.

It reads the schema as a graph. Edges *in place* (anyOf, $ref, if...) evaluate the same spot again;
edges *down* go to a part of it. A spot is never both object and array, so recursion through `items`
in one branch and through `properties` in another does not multiply.

Evaluations are counted three ways: each as one, by what its keywords cost, and by how many patterns
it matches, since a pattern costs by the letter.

Only references of the form `#/...` are followed; others are refused, remote ones among them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import Final, NamedTuple
from urllib.parse import unquote

from foundation.errors import InvalidInputError
from foundation.json import JsonObject, JsonValue
from foundation.schema_keywords import cost_of, names_of, patterns_of, texts_of

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
# As all dialects before 2019 are called.
_CHECKING_FORMATS: Final = "/draft-0"
_UNBOUNDED_REFERENCES: Final = ("$dynamicRef", "$recursiveRef")


class SchemaRefusedError(InvalidInputError):
    """A schema that we cannot check values with, or not in bounded time."""

    code = "schema-refused"


class _Parts(NamedTuple):
    """The subschemas for parts of a spot: one for each named part, and those for every part."""

    named: list[int]
    every: list[int]


_NO_PARTS: Final = _Parts([], [])


@dataclass
class _Node:
    """One subschema: the subschemas for the same spot and for its parts, and what it costs itself.

    Attributes:
        cost: In units of about 10 ns.
        names: What 64 letters cost on top, where it reads names.
        texts: The same, where it reads texts, if formats are checked.
        patterns: How many it matches with a spot, or with a name in it.
    """

    in_place: list[int] = field(default_factory=list)
    fields: _Parts = _NO_PARTS
    items: _Parts = _NO_PARTS
    weight: int = 1
    cost: int = 1
    names: int = 0
    texts: int = 0
    patterns: int = 0
    matches_names: bool = False

    @property
    def is_leaf(self) -> bool:
        """Whether it costs the same at every depth."""
        return not any((self.in_place, *self.fields, *self.items)) and self.weight == 1


class Graph:
    """The subschemas that can take part in an evaluation.

    Raises:
        SchemaRefusedError: For too many of them, references we do not follow, and a schema that
            refers to itself without going deeper.
    """

    def __init__(self, root: JsonValue) -> None:
        self._root = root
        self._checks_formats = False
        self._nodes: list[_Node] = []
        self._index: dict[int, int] = {}
        self._waiting: list[tuple[_Node, JsonObject]] = []
        self._visit(root)
        while self._waiting:
            node, schema = self._waiting.pop()
            self._read(node, schema)
        edges = {at: node.in_place for at, node in enumerate(self._nodes)}
        try:
            order = list(TopologicalSorter(edges).static_order())
        except CycleError as error:
            raise SchemaRefusedError("it refers to itself without going deeper") from error
        self._branching = [
            (at, node.weight, node.in_place, node.fields, node.items)
            for at in order
            if not (node := self._nodes[at]).is_leaf
        ]

    def evaluations(self) -> list[int]:
        """Return, by depth of the value, the most evaluations of the spots on one way down.

        A scalar has depth 0. The last number holds for all greater depths.
        """
        return self._by_depth([1] * len(self._nodes))

    def costs(self) -> list[int]:
        """Return the same in units of about 10 ns, without what patterns cost."""
        return self._costs

    def costs_with_letters(self) -> list[int]:
        """Return the same for values in which 64 letters count as one more spot."""
        texts = int(self._checks_formats)
        more = [node.names + texts * node.texts for node in self._nodes]
        if not any(more):
            return self._costs
        return self._by_depth([self._nodes[at].cost + each for at, each in enumerate(more)])

    def matches(self) -> list[int]:
        """Return the same for patterns: how often at most a letter is read."""
        return self._by_depth([node.patterns for node in self._nodes])

    @cached_property
    def _costs(self) -> list[int]:
        return self._by_depth([node.cost for node in self._nodes])

    @cached_property
    def patterns(self) -> int:
        """How many patterns there are."""
        return sum(node.patterns for node in self._nodes)

    @cached_property
    def matches_names(self) -> bool:
        """Whether names, too, are matched with patterns."""
        return any(node.matches_names for node in self._nodes)

    def _by_depth(self, own: list[int]) -> list[int]:
        level = self._level(own, [0] * len(self._nodes))
        found = [level[0]]
        while len(found) <= MAX_VALUE_DEPTH and found[-1] < ENDLESS:
            deeper = self._level(own, level)
            if deeper == level:
                break
            level = deeper
            found.append(level[0])
        return found

    def _level(self, own: list[int], below: list[int]) -> list[int]:
        """Count one level of the value, given the counts one level further down."""
        as_object, as_array = own.copy(), own.copy()
        # With thousands of subschemas and 200 levels this loop is what takes time.
        for at, weight, in_place, (fields, every_field), (items, every_item) in self._branching:
            object_, array = as_object[at], as_array[at]
            for child in in_place:
                object_ += as_object[child]
                array += as_array[child]
            for child in every_field:
                object_ += below[child]
            for child in every_item:
                array += below[child]
            if fields:
                object_ += max([below[child] for child in fields])
            if items:
                array += max([below[child] for child in items])
            as_object[at] = min(weight * object_, ENDLESS)
            as_array[at] = min(weight * array, ENDLESS)
        return list(map(max, as_object, as_array))

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
        node.fields = _Parts(
            self._visit_all(_under(schema, ["properties"])),
            self._visit_all(_under(schema, _ANY_FIELD)),
        )
        node.items = _Parts(
            self._visit_all(_under(schema, [listed])), self._visit_all(_under(schema, rest))
        )
        node.cost, node.names, node.texts = cost_of(schema), names_of(schema), texts_of(schema)
        # Any part of a schema may have an older dialect.
        self._checks_formats |= _CHECKING_FORMATS in str(schema.get("$schema", ""))
        node.patterns = patterns_of(schema)
        node.matches_names = "patternProperties" in schema or "propertyNames" in schema

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
