"""What a server answers instead of a result: that it has begun, and how to ask for the end."""

from datetime import UTC, datetime, timedelta
from typing import Final

from foundation.json import JsonObject
from toolhub.calls.log import Noted
from toolhub.directory import Entry
from toolhub.elicitation.questions import key_of
from toolhub.schemas import CallTool
from toolhub.tasks.types import Handle, pause_of, ttl_of

# Of a task whose server does not say how long it keeps it.
_LONGEST: Final = timedelta(days=30)
_MARGIN: Final = timedelta(minutes=10)


def started(call: CallTool, entry: Entry, noted: Noted, created: JsonObject) -> Handle:
    """Return the handle of the task that a server has made of a call."""
    now, ttl_s = datetime.now(tz=UTC), ttl_of(created)
    kept = _LONGEST if ttl_s is None else min(timedelta(seconds=ttl_s), _LONGEST)
    return Handle(
        tenant_id=call.tenant_id,
        server=call.server,
        server_id=entry.guarded.server_id,
        tool=entry.tool,
        sha256=entry.sha256,
        task_id=str(created["taskId"]),
        pause_s=pause_of(created),
        began_at=now.timestamp(),
        ttl_s=ttl_s,
        key=key_of(call),
        note=noted.later(now + kept + _MARGIN),
    )
