"""What people may be asked to fill in: a flat object of texts, numbers, yes or no, and choices.

That is what the protocol allows. What it does not know is left out; what cannot be shown or filled
in is refused, with the reason.
"""

from collections.abc import Callable, Mapping
from itertools import islice
from typing import Final, TypeAlias

from foundation.json import JsonObject, JsonValue, canonical

MAX_FIELDS: Final = 50
MAX_CHOICES: Final = 200
MAX_FORM_BYTES: Final = 16 * 1024
_MAX_NAME: Final = 100
_MAX_CHOICE: Final = 300
_FORMATS: Final = frozenset({"date", "date-time", "email", "uri"})
# What limits a value, by its type; each is a number.
_LIMITS: Final[Mapping[str, tuple[str, ...]]] = {
    "string": ("minLength", "maxLength"),
    "number": ("minimum", "maximum"),
    "integer": ("minimum", "maximum"),
    "boolean": (),
    "array": ("minItems", "maxItems"),
}

Shown: TypeAlias = Callable[[str], str]


class UnaskableError(Exception):
    """It cannot be put to people; says why."""


def form_of(schema: JsonValue, shown: Shown) -> JsonObject:
    """Return the form that a server wants filled in.

    Args:
        shown: Makes a text of the server fit to be shown.

    Raises:
        UnaskableError: It is none that people can fill in.
    """
    if not isinstance(schema, dict) or schema.get("type") != "object":
        raise UnaskableError("its form is no object")
    fields, required = schema.get("properties"), schema.get("required", [])
    if not isinstance(fields, dict) or not isinstance(required, list):
        raise UnaskableError("its form has no fields")
    if len(fields) > MAX_FIELDS:
        raise UnaskableError(f"its form has more than {MAX_FIELDS} fields")
    if not all(isinstance(name, str) and name in fields for name in required):
        raise UnaskableError("its form wants a field that it does not have")
    form: JsonObject = {
        "type": "object",
        "properties": {_name(name): _field(name, each, shown) for name, each in fields.items()},
        "required": required,
        "additionalProperties": False,
    }
    if len(canonical(form)) > MAX_FORM_BYTES:
        raise UnaskableError(f"its form takes more than {MAX_FORM_BYTES:,} bytes")
    return form


def _name(name: str) -> str:
    if not name or len(name) > _MAX_NAME or not name.isprintable():
        raise UnaskableError("its form has a field whose name cannot be shown")
    return name


def _field(name: str, given: JsonValue, shown: Shown) -> JsonValue:
    type_ = given.get("type") if isinstance(given, dict) else None
    if not isinstance(given, dict) or not isinstance(type_, str) or type_ not in _LIMITS:
        raise UnaskableError(f"its field '{name}' is no text, number, yes or no, or choice")
    field: JsonObject = {"type": type_}
    for word in ("title", "description"):
        if isinstance(text := given.get(word), str):
            field[word] = shown(text)
    for limit in _LIMITS[type_]:
        if _is_number(value := given.get(limit)):
            field[limit] = value
    if type_ == "string":
        field |= _choices(name, given, shown)
        if (format_ := given.get("format")) in _FORMATS:
            field["format"] = format_
    if type_ == "array":
        field["items"] = _items(name, given.get("items"), shown)
        field["uniqueItems"] = True
    if _is_default(type_, value := given.get("default")):
        field["default"] = value
    return field


def _items(name: str, given: JsonValue, shown: Shown) -> JsonObject:
    """Return what may be chosen several times."""
    items = given if isinstance(given, dict) else {}
    titled = items.get("anyOf")
    found = _choices(name, {"oneOf": titled} if titled is not None else items, shown)
    if not found:
        raise UnaskableError(f"its field '{name}' is a list of something else than choices")
    return {"type": "string", **found}


def _choices(name: str, given: JsonObject, shown: Shown) -> JsonObject:
    """Return what may be chosen: the values as they are, since the server wants them back so."""
    titled, values = given.get("oneOf"), given.get("enum")
    if isinstance(titled, list):
        pairs = [each if isinstance(each, dict) else {} for each in islice(titled, MAX_CHOICES + 1)]
        _refuse_strange(name, [each.get("const") for each in pairs])
        return {
            "oneOf": [
                {"const": each["const"], "title": shown(str(each.get("title", each["const"])))}
                for each in pairs
            ]
        }
    if values is None:
        return {}
    if not isinstance(values, list):
        raise UnaskableError(f"its field '{name}' has choices that are no list")
    _refuse_strange(name, values)
    return {"enum": values}


def _refuse_strange(name: str, values: list[JsonValue]) -> None:
    if not 1 <= len(values) <= MAX_CHOICES:
        raise UnaskableError(f"its field '{name}' has no choices, or more than {MAX_CHOICES}")
    for value in values:
        if not isinstance(value, str) or len(value) > _MAX_CHOICE or not value.isprintable():
            raise UnaskableError(f"its field '{name}' has a choice that cannot be shown")


def _is_number(value: JsonValue) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_default(type_: str, value: JsonValue) -> bool:
    match type_:
        case "boolean":
            return isinstance(value, bool)
        case "string":
            return isinstance(value, str) and len(value) <= _MAX_CHOICE and value.isprintable()
        case "array":
            return False
        case _:
            return _is_number(value)
