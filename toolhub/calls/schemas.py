"""What people see of the log of calls."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, Field


class CallStatus(StrEnum):
    """Where a call stands.

    `lost`: nobody told its end in time. Its process was killed, or cannot reach the database.
    """

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"


class CallInfo(BaseModel, frozen=True):
    """One attempt to call a tool.

    Attributes:
        sha256: Fingerprint of the tool as it was then.
        instance_id: Whose call it was; null when a person tried the tool.
        task: Which execution of a task.
        called_by: The person.
        attempt: Counts the attempts of the same call.
        idempotency_key: What the server was sent to notice a repetition by.
        arguments_hash: Equal arguments of a tenant have equal hashes. They are keyed: nobody can
            find out the arguments by trying.
        result_hash: The same of the result; null when there is none.
        executed: Whether the tool ran: `no`, `unknown` or `yes`.
        error: Code of the error, as problems have it.
        latency_ms: From the look-up to the checked result, waiting for a place included.
        trace_id: Of the trace that the call is part of; null where none are made.
        degraded: The call failed, and whoever made it got something else than the tool's answer.
        fallback: What stood in for the tool.
    """

    id: UUID
    server: str
    tool: str
    sha256: str
    instance_id: str | None
    run_id: str | None
    task: str | None
    called_by: str | None
    attempt: int
    idempotency_key: str | None
    arguments_hash: str
    result_hash: str | None
    status: CallStatus
    executed: str
    error: str | None
    started_at: datetime
    latency_ms: float | None
    trace_id: str | None
    degraded: bool
    fallback: str | None


class CallPage(BaseModel, frozen=True):
    """Part of the log, the newest call first."""

    items: list[CallInfo]
    next_page_token: str | None = Field(description="Where the next page begins; null at the end.")


@dataclass(frozen=True, kw_only=True)
class CallFilter:
    """Which calls; what is left out does not matter.

    Attributes:
        since: Those that began then or later.
        until: Those that began before.
    """

    server: str | None = None
    tool: str | None = None
    status: CallStatus | None = None
    instance_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
