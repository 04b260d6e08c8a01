"""The fingerprint of a tool: SHA-256 of its definition in canonical JSON (RFC 8785)."""

import hashlib
from typing import Final, Protocol

import rfc8785

from foundation.json import JsonObject, JsonValue

# Beyond it, canonical JSON has only what a double can hold.
_EXACT: Final = 2**53 - 1


class Described(Protocol):
    """A tool as its server describes it."""

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str | None: ...
    @property
    def description(self) -> str | None: ...
    @property
    def input_schema(self) -> JsonObject: ...
    @property
    def output_schema(self) -> JsonObject | None: ...
    @property
    def annotations(self) -> JsonObject: ...


def fingerprint(tool: Described) -> str:
    """Return the hash of all that a server says of a tool.

    Anybody can compute it again: the members are called as in the protocol, what is not there is
    left out.

    Raises:
        ValueError: When a number is larger than any double, or a text is no Unicode.
    """
    said: JsonObject = {
        "name": tool.name,
        "title": tool.title,
        "description": tool.description,
        "inputSchema": tool.input_schema,
        "outputSchema": tool.output_schema,
        "annotations": tool.annotations or None,
    }
    there = {key: _in_doubles(value) for key, value in said.items() if value is not None}
    try:
        return hashlib.sha256(rfc8785.dumps(there)).hexdigest()
    except (rfc8785.CanonicalizationError, UnicodeError) as error:
        raise ValueError(str(error)) from error


def _in_doubles(value: JsonValue) -> JsonValue:
    """Make doubles of large whole numbers, as RFC 8785 reads them; schemas bound int64 with them.

    Raises:
        ValueError: When one is larger than any double.
    """
    match value:
        case bool():
            return value
        case int() if abs(value) > _EXACT:
            try:
                return float(value)
            except OverflowError as error:
                raise ValueError("a number in it is larger than any double") from error
        case list():
            return [_in_doubles(item) for item in value]
        case dict():
            return {key: _in_doubles(item) for key, item in value.items()}
        case _:
            return value
