"""CloudEvents as they come over HTTP: structured, as a batch, or in headers (binary)."""

import base64
import json
from collections.abc import Mapping
from typing import Final, NoReturn
from urllib.parse import unquote

from foundation.errors import InvalidInputError
from foundation.json import JsonObject, JsonValue
from workflows.events.cloud_events import SPEC_VERSION

STRUCTURED: Final = "application/cloudevents+json"
BATCH: Final = "application/cloudevents-batch+json"
PREFIX: Final = "ce-"
MAX_BATCH: Final = 100


def read(headers: Mapping[str, str], body: bytes) -> list[JsonValue]:
    """Return the events of a request, not checked yet.

    Args:
        headers: With names in lower case.
        body: JSON in it was checked for depth and what cannot be stored (`api.content`).

    Raises:
        InvalidInputError: When the request holds no events.
    """
    content_type = headers.get("content-type", "")
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type == BATCH:
        events = _json(body)
        if not isinstance(events, list):
            raise InvalidInputError("A batch is a JSON array of events.")
        if len(events) > MAX_BATCH:
            raise InvalidInputError(
                f"The batch has {len(events):,} events; {MAX_BATCH} are allowed. Send several."
            )
        return events
    if media_type == STRUCTURED:
        return [_json(body)]
    if f"{PREFIX}specversion" in headers:
        return [_from_headers(headers, content_type, media_type, body)]
    raise InvalidInputError(
        f"This is no CloudEvent. Send it as '{STRUCTURED}' or '{BATCH}', or its attributes as "
        "headers: 'ce-specversion: 1.0', 'ce-id', 'ce-source', 'ce-type'."
    )


def _from_headers(
    headers: Mapping[str, str], content_type: str, media_type: str, body: bytes
) -> JsonObject:
    # Values that are no ASCII come percent-encoded.
    event: JsonObject = {
        name.removeprefix(PREFIX): unquote(value)
        for name, value in headers.items()
        if name.startswith(PREFIX)
    }
    if event.get("specversion") != SPEC_VERSION:
        return event
    if content_type:
        event["datacontenttype"] = content_type
    if not body:
        return event
    if not media_type:
        raise InvalidInputError("The event has data and no 'Content-Type' that says what it is.")
    if media_type == "application/json" or media_type.endswith("+json"):
        event["data"] = _json(body)
    elif media_type.startswith("text/"):
        try:
            event["data"] = body.decode()
        except UnicodeDecodeError:
            raise InvalidInputError("The event's text is not UTF-8.") from None
    else:
        event["data_base64"] = base64.b64encode(body).decode()
    return event


def _json(body: bytes) -> JsonValue:
    try:
        value: JsonValue = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(f"The body is no JSON: {error}.") from None
    return value


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON number")
