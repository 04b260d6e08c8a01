"""CloudEvents in. What an event may be, and who waits for it, is decided below."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Request

from api.dependencies import ServicesDep, require
from security.principal import Principal
from workflows.events.service import Published
from workflows.events.spelling import BATCH, STRUCTURED, read

router = APIRouter(prefix="/api/v1/events", tags=["events"])

Publisher = Annotated[Principal, require("event:publish")]

_EVENT: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["specversion", "id", "source", "type"],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "minLength": 1},
        "source": {"type": "string", "minLength": 1, "format": "uri-reference"},
        "type": {"type": "string", "minLength": 1},
        "subject": {"type": ["string", "null"]},
        "time": {"type": ["string", "null"], "format": "date-time"},
        "datacontenttype": {"type": ["string", "null"]},
        "dataschema": {"type": ["string", "null"]},
        "data": {},
        "data_base64": {"type": ["string", "null"]},
    },
    "example": {
        "specversion": "1.0",
        "id": "4711",
        "source": "/press-line/3",
        "type": "com.example.press.overheated",
        "data": {"temperature": 91.5},
    },
}
_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            STRUCTURED: {"schema": _EVENT},
            BATCH: {"schema": {"type": "array", "maxItems": 100, "items": _EVENT}},
        },
    }
}


@router.post("", status_code=202, openapi_extra=_BODY)
async def publish_events(request: Request, principal: Publisher, parts: ServicesDep) -> Published:
    """Send events to those who wait for them: one, a batch, or one in `ce-` headers.

    When this has answered they are kept, also for listeners that come a little later. The same
    `source` and `id` is the same event: sending it again is safe.
    """
    events = read(request.headers, await request.body())
    return await parts.events.publish(principal.tenant_id, events)
