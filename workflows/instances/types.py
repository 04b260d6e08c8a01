"""What a caller sees of an instance. Frozen values; where they come from is not their business."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from pydantic import BaseModel, Field
from temporalio.client import WorkflowExecutionStatus

from activities.definitions.types import Engine
from foundation.json import JsonObject, JsonValue
from workflows.interpreter.types import TaskState


class Status(StrEnum):
    """Where an instance is. The last six are final.

    PENDING: no worker has begun with it. WAITING: all its branches wait for a time, an event or a
    person. COMPENSATING: it failed or was cancelled, and what it did is being undone. TIMED_OUT:
    the `timeout` of the workflow itself has passed; one of a task that nobody caught is FAILED.
    """

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    WAITING = "WAITING"
    PAUSED = "PAUSED"
    COMPENSATING = "COMPENSATING"
    COMPENSATED = "COMPENSATED"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    TERMINATED = "TERMINATED"
    TIMED_OUT = "TIMED_OUT"

    @property
    def active(self) -> bool:
        """Whether more will happen."""
        return self in ACTIVE


ACTIVE: Final = frozenset(
    {Status.PENDING, Status.RUNNING, Status.WAITING, Status.PAUSED, Status.COMPENSATING}
)

# A continued run is still the same instance: what comes next goes on under the same id.
STATUS_OF: Final = {
    WorkflowExecutionStatus.RUNNING: Status.RUNNING,
    WorkflowExecutionStatus.CONTINUED_AS_NEW: Status.RUNNING,
    WorkflowExecutionStatus.COMPLETED: Status.COMPLETED,
    WorkflowExecutionStatus.FAILED: Status.FAILED,
    WorkflowExecutionStatus.CANCELED: Status.CANCELLED,
    WorkflowExecutionStatus.TERMINATED: Status.TERMINATED,
    WorkflowExecutionStatus.TIMED_OUT: Status.TIMED_OUT,
}


class TimelineSource(StrEnum):
    """Who told about the tasks: the interpreter all of them, the history only the calls."""

    INTERPRETER = "interpreter"
    HISTORY = "history"


class TaskRun(BaseModel, frozen=True):
    """One execution of one task."""

    reference: str = Field(
        description="JSON pointer of the task in the definition.", examples=["/do/0/readSheet"]
    )
    iteration: str = Field(default="", description="Loop turns around it, outermost first: '3/0'.")
    name: str
    kind: str = Field(examples=["call mcp.tool"])
    state: TaskState
    attempts: int | None = Field(
        default=None, description="How often the activity behind a call was tried."
    )
    started_at: datetime | None = None
    ended_at: datetime | None = None
    execution: str = Field(
        default="",
        description="Which of its executions; `#3` is a turn of a loop, `!2` the second attempt "
        "of a `try`, `*1` the first time that a jump led back.",
        examples=["/do/1/loop#3/do/0/read"],
    )
    error: JsonObject | None = Field(default=None, description="Error object of the language.")
    event: JsonObject | None = Field(default=None, description="The event that it emitted.")
    child: str | None = Field(default=None, description="Id of the instance that it started.")
    degraded: bool | None = Field(
        default=None,
        description="Whether something stood in for what the task called; null where only the "
        "history tells, which does not say.",
    )
    fallback: JsonObject | None = Field(
        default=None, description="What stood in: its kind, and the error that made it necessary."
    )


class InstanceSummary(BaseModel, frozen=True):
    """One line of a listing."""

    id: str = Field(examples=["press-line.defect-watch.order-4711"])
    namespace: str
    name: str
    version: str | None
    status: Status
    started_at: datetime
    ended_at: datetime | None = None
    web_ui: str = Field(description="This run in the Temporal Web UI.")


class Instance(InstanceSummary, frozen=True):
    """Everything there is to know about one instance."""

    definition_hash: str | None = None
    engine: Engine | None = Field(
        default=None, description="What executes it, pinned at its start."
    )
    started_by: str | None = Field(default=None, description="Subject of whoever started it.")
    input: JsonValue = None
    output: JsonValue = Field(default=None, description="Result of a completed instance.")
    error: JsonObject | None = Field(default=None, description="Error object of the language.")
    tasks: list[TaskRun] = Field(default_factory=list)
    waiting_for: list[JsonObject] = Field(
        default_factory=list,
        description="What its branches wait for: `kind`, `task`, `execution`, `since`, `until`. "
        "A call that failed and is tried again is a `retry`, with `attempt` and `error`.",
    )
    compensation: JsonObject | None = Field(
        default=None, description="What was undone, and what could not be."
    )
    timeline_source: TimelineSource = TimelineSource.INTERPRETER
    events_dropped: int = Field(
        default=0, description="Oldest task events that are no longer kept (very long loops)."
    )


class Started(BaseModel, frozen=True):
    """Answer to a start; the same for every repetition with the same key."""

    id: str = Field(examples=["press-line.defect-watch.order-4711"])
    namespace: str
    name: str
    version: str | None
    status: Status
    web_ui: str = Field(description="This run in the Temporal Web UI.")
    created: bool = Field(description="False when this key had started the instance before.")


class Ended(BaseModel, frozen=True):
    """Last event of an instance: how it ended."""

    status: Status
    ended_at: datetime | None = None
    output: JsonValue = None
    error: JsonObject | None = None
    complete: bool = Field(
        default=True,
        description="False when no worker could tell the last task events before this one.",
    )


class Repeated(BaseModel, frozen=True):
    """A task that others noticed, and that will be done again."""

    execution: str = Field(examples=["/do/1/loop#3/do/0/read"])
    name: str
    kind: str = Field(examples=["call mcp.tool"])


class Resumed(BaseModel, frozen=True):
    """How an instance that had ended goes on."""

    instance: InstanceSummary
    begins_at: str = Field(description="The execution that begins anew.")
    repeats: list[Repeated] = Field(description="Calls, events and runs that will happen again.")
    version: str | None = Field(
        default=None, description="Version of the definition that it goes on with."
    )


class InstancePage(BaseModel, frozen=True):
    """Some instances, newest first."""

    items: list[InstanceSummary]
    next_page_token: str | None = None


@dataclass(frozen=True, slots=True)
class Filters:
    """What a listing is narrowed to; None lets everything through.

    Attributes:
        tags: `name=value` each; an instance has to have all of them.
    """

    status: Status | None = None
    active: bool = False
    namespace: str | None = None
    name: str | None = None
    version: str | None = None
    tags: tuple[str, ...] = ()
