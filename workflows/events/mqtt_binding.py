"""CloudEvents as messages of MQTT, as their binding for it says.

With MQTT 5 attributes are user properties and the payload is the data (binary mode); 3.1.1 has no
properties, and the payload is the whole event (structured mode).
"""

import base64
import re
from dataclasses import dataclass
from typing import Final

from pydantic_core import to_json

from foundation.json import JsonObject, JsonValue

_JSON: Final = "application/json"
_BINARY: Final = "application/octet-stream"
_NO_PROPERTIES: Final = frozenset({"data", "data_base64", "datacontenttype"})
# Wildcards, levels, and what no string of MQTT may hold.
_NOT_IN_A_LEVEL: Final = re.compile(r"[+#/\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class Message:
    """What is sent to a broker."""

    topic: str
    payload: bytes
    content_type: str
    properties: list[tuple[str, str]]


def message_of(event: JsonObject, tenant_id: str, prefix: str, *, is_5: bool) -> Message:
    """Spell an event."""
    level = _NOT_IN_A_LEVEL.sub("_", str(event["type"]))
    topic = f"{prefix}/{tenant_id}/events/{level}"
    if not is_5:
        return Message(topic, to_json(event), "", [])
    properties = [
        (name, _text(value)) for name, value in event.items() if name not in _NO_PROPERTIES
    ]
    payload, content_type = _data(event)
    return Message(topic, payload, content_type, properties)


def _data(event: JsonObject) -> tuple[bytes, str]:
    content_type = str(event.get("datacontenttype") or "")
    if "data_base64" in event:
        return base64.b64decode(str(event["data_base64"])), content_type or _BINARY
    if "data" not in event:
        return b"", content_type
    data = event["data"]
    media = content_type.partition(";")[0].strip().lower()
    is_json = not media or media == _JSON or media.endswith("+json")
    if isinstance(data, str) and not is_json:
        return data.encode(), content_type
    return to_json(data), content_type or _JSON


def _text(value: JsonValue) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
