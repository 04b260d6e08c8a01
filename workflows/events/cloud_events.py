"""CloudEvents 1.0: what an event may be.

Checked here, not with the SDK of the specification, which accepts what the specification forbids.
"""

import base64
import re
from datetime import datetime
from typing import Final

import jsonschema_rs
from pydantic_core import to_json

from foundation.errors import InvalidInputError, TooLargeError
from foundation.json import JsonObject, JsonValue, digest
from workflows.definition.generations import ATTRIBUTE, generation_of

SPEC_VERSION: Final = "1.0"
# Brokers take a quarter of a megabyte; a listening run keeps what it consumed.
MAX_EVENT_BYTES: Final = 64 * 1024
MAX_ATTRIBUTE_CHARS: Final = 1_024
_REQUIRED: Final = ("id", "source", "type")
_TEXTS: Final = ("subject", "datacontenttype", "dataschema", "time")
# CloudEvents allows none of them in an attribute, and a broker breaks the connection.
_UNFIT: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_DATA: Final = frozenset({"data", "data_base64"})
_NAME: Final = re.compile(r"[a-z0-9]{1,64}")
_URI: Final = jsonschema_rs.validator_for(
    {"type": "string", "format": "uri-reference"}, validate_formats=True, offline=True
)


def checked(event: JsonValue, where: str = "The event") -> JsonObject:
    """Return an event as it is kept: every attribute there is, none that is null.

    Raises:
        InvalidInputError: When it is no CloudEvent; the message names the attribute.
        TooLargeError: When it has more than 64 KiB.
    """
    if not isinstance(event, dict):
        raise InvalidInputError(f"{where} is no object. A CloudEvent has 'id', 'source', 'type'.")
    kept = {name: value for name, value in event.items() if value is not None or name == "data"}
    version = kept.get("specversion")
    if version != SPEC_VERSION:
        raise InvalidInputError(f"{where} has the 'specversion' {version!r}; '1.0' is understood.")
    for name in _REQUIRED:
        value = kept.get(name)
        if not isinstance(value, str) or not value:
            raise InvalidInputError(f"{where} has no '{name}': a text that is not empty.")
    for name, value in kept.items():
        if name not in _DATA:
            _check_attribute(where, name, value)
    if kept.keys() >= _DATA:
        raise InvalidInputError(f"{where} has both 'data' and 'data_base64'; one is allowed.")
    if "data_base64" in kept and not _is_base64(kept["data_base64"]):
        raise InvalidInputError(f"{where} has a 'data_base64' that is no base64.")
    size = len(to_json(kept))
    if size > MAX_EVENT_BYTES:
        raise TooLargeError(
            f"{where} takes {size:,} bytes; {MAX_EVENT_BYTES:,} are allowed. Pass a reference."
        )
    return kept


def _check_attribute(where: str, name: str, value: JsonValue) -> None:
    if not _NAME.fullmatch(name):
        raise InvalidInputError(
            f"{where} has an attribute '{name[:80]}'. Names are lower case letters and digits."
        )
    if not isinstance(value, str | bool | int) or (
        name in (*_REQUIRED, *_TEXTS) and not isinstance(value, str)
    ):
        raise InvalidInputError(f"{where} has a '{name}' that is no text.")
    if isinstance(value, str) and len(value) > MAX_ATTRIBUTE_CHARS:
        raise InvalidInputError(
            f"{where} has a '{name}' of {len(value):,} characters; 1,024 are allowed."
        )
    if isinstance(value, str) and _UNFIT.search(value):
        raise InvalidInputError(f"{where} has a '{name}' with a control character.")
    if name == "source" and not _URI.is_valid(value):
        raise InvalidInputError(f"{where} has a 'source' that is no URI reference: {value!r}.")
    if name == "time":
        _check_time(where, str(value))
    if name == ATTRIBUTE:
        _check_generation(where, value)


def _check_generation(where: str, value: JsonValue) -> None:
    try:
        generation_of({ATTRIBUTE: value})
    except ValueError as error:
        raise InvalidInputError(f"{where}: {error}. Pass it on as it came.") from None


def _is_base64(value: JsonValue) -> bool:
    try:
        base64.b64decode(value if isinstance(value, str) else "?", validate=True)
    except ValueError:
        return False
    return True


def _check_time(where: str, value: str) -> None:
    try:
        is_time = "T" in value.upper() and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        is_time = False
    if not is_time:
        raise InvalidInputError(
            f"{where} has the 'time' {value!r}. Write it as 2026-01-31T08:00:00Z."
        )


def identity(event: JsonObject) -> str:
    """Return what an event is recognised by: its source and its id."""
    return digest([event["source"], event["id"]])
