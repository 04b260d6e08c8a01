"""Messages of MQTT as JSON, and the other way round."""

import base64
import hashlib
from collections.abc import Iterable
from typing import Any, Final

from paho.mqtt.client import MQTTMessage
from pydantic_core import from_json, to_json

from foundation.json import JsonObject, JsonValue

_MIME: Final = "application/json"


def encoded(payload: JsonObject | None) -> bytes:
    """Spell a payload."""
    return b"" if payload is None else to_json(payload)


def decoded(message: MQTTMessage) -> JsonObject:
    """Return a message as the language has it, and the topic it came on."""
    properties = message.properties
    content_type = str(getattr(properties, "ContentType", ""))
    read: JsonObject = {
        "payload": _payload(bytes(message.payload), content_type),
        "headers": _headers(getattr(properties, "UserProperty", ())),
        "topic": message.topic,
    }
    correlation = getattr(properties, "CorrelationData", None)
    if isinstance(correlation, bytes):
        read["correlationId"] = _text(correlation)
    return read


def key_of(message: MQTTMessage) -> str:
    """Name a delivery: a broker sends it again with the same number, marked as a repetition.

    The number alone is not enough, since numbers are used again; the content alone neither, since
    two machines may well report the same.
    """
    digest = hashlib.sha256(message.topic.encode() + b"\0" + message.payload).hexdigest()[:16]
    return f"{message.mid}:{digest}"


def _payload(content: bytes, content_type: str) -> JsonValue:
    """Decode JSON where it is some and nothing else is said, else text, else base64."""
    media = content_type.partition(";")[0].strip().lower()
    if not content:
        return None
    if not media or media == _MIME or media.endswith("+json"):
        try:
            value: JsonValue = from_json(content, allow_inf_nan=False)
        except ValueError:
            return _text(content)
        return value
    return _text(content)


def _text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return base64.b64encode(content).decode()


def _headers(pairs: Iterable[tuple[str, str]]) -> JsonObject:
    """Return user properties by name; one that is there several times gives a list."""
    headers: dict[str, Any] = {}
    for name, text in pairs:
        if name not in headers:
            headers[name] = text
        elif isinstance(headers[name], list):
            headers[name].append(text)
        else:
            headers[name] = [headers[name], text]
    return headers
