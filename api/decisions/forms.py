"""Forms without a script: what a flat JSON Schema asks for, as fields of a page, and back.

What is not flat (objects in objects, lists, alternatives) is filled in elsewhere. Whether it is
filled in rightly is judged by the run; here texts become values of the right type, and no more.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from foundation.json import JsonObject, JsonValue
from foundation.schemas import compiled

PREFIX: Final = "form."
MAX_FIELDS: Final = 50
_LONG_CHARS: Final = 120

Kind = Literal["text", "long", "number", "checkbox", "choice"]
_KINDS: Final[Mapping[str, Kind]] = {
    "string": "text",
    "number": "number",
    "integer": "number",
    "boolean": "checkbox",
}
# What else an object, or a value, may say and still be flat.
_OF_OBJECTS: Final = frozenset(
    {"$schema", "type", "title", "description", "properties", "required", "additionalProperties"}
)
_NOT_FLAT: Final = frozenset({"$ref", "allOf", "anyOf", "oneOf", "not", "if", "const"})


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form.

    Attributes:
        name: Of the member of the object.
        step: Of a number: whole ones, or any.
        choices: Of a choice, as they are shown and sent.
        values: What the choices stand for.
    """

    name: str
    label: str
    hint: str
    kind: Kind
    required: bool
    default: str
    step: str = "any"
    choices: Sequence[str] = ()
    values: Sequence[JsonValue] = ()

    @property
    def key(self) -> str:
        """Its name in what the browser sends."""
        return PREFIX + self.name

    def value(self, sent: str | None) -> JsonValue:
        """Turn what was sent into a value; what is no number stays what it is, and is refused."""
        if self.kind == "checkbox":
            return sent is not None
        if self.kind == "choice" and sent in self.choices:
            return self.values[self.choices.index(sent)]
        return _number(sent) if self.kind == "number" and sent is not None else sent


def needs_no_form(schema: JsonObject | None) -> bool:
    """Tell whether somebody can approve without filling anything in."""
    return schema is None or not compiled(schema).violations({})


def fields(schema: JsonObject) -> list[Field] | None:
    """Return the fields of a flat form; None when it is not flat."""
    properties, required = schema.get("properties", {}), schema.get("required", [])
    is_flat = schema.get("type") == "object" and _OF_OBJECTS.issuperset(schema)
    if not (is_flat and isinstance(properties, dict) and isinstance(required, list)):
        return None
    if len(properties) > MAX_FIELDS or not {*map(str, required)} <= properties.keys():
        return None
    found = [_field(name, each, required=name in required) for name, each in properties.items()]
    flat = [each for each in found if each is not None]
    return flat if len(flat) == len(found) else None


def filled(asked: Sequence[Field], sent: Mapping[str, str]) -> JsonObject:
    """Return the object that somebody filled in; what was left empty is left out."""
    return {
        each.name: each.value(sent.get(each.key))
        for each in asked
        if each.kind == "checkbox" or sent.get(each.key)
    }


def _field(name: str, schema: JsonValue, *, required: bool) -> Field | None:
    if not isinstance(schema, dict) or _NOT_FLAT & schema.keys():
        return None
    values = schema.get("enum")
    kind = "choice" if isinstance(values, list) else _KINDS.get(str(schema.get("type")))
    if kind is None:
        return None
    long = kind == "text" and (_whole(schema.get("maxLength")) or 0) > _LONG_CHARS
    chosen = values if isinstance(values, list) else []
    if any(isinstance(each, dict | list) for each in chosen):
        return None
    default = schema.get("default")
    return Field(
        name=name,
        label=str(schema.get("title") or name),
        hint=str(schema.get("description") or ""),
        kind="long" if long else kind,
        required=required,
        default="" if default is None or default is False else _spelled(default),
        step="1" if schema.get("type") == "integer" else "any",
        choices=[_spelled(each) for each in chosen],
        values=chosen,
    )


def _spelled(value: JsonValue) -> str:
    return value if isinstance(value, str) else str(value)


def _whole(value: JsonValue) -> int | None:
    return value if isinstance(value, int) else None


def _number(text: str) -> JsonValue:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        number = float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) else text
