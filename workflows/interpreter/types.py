"""What crosses the wire between the interpreter and whoever starts or inspects a run.

Fields are added, never renamed or removed: running workflows replay old values.
"""

from datetime import datetime
from enum import StrEnum
from typing import Final

from pydantic import BaseModel, Field

from activities.approvals.types import Person, Vote
from activities.definitions.types import Engine
from activities.schedules.types import TriggerKind
from foundation.json import JsonObject, JsonValue
from workflows.expressions import ENGINE_VERSION
from workflows.interpreter.position import State
from workflows.interpreter.sharing import Shared

# Wire names; the workflow type itself is dynamic: "<namespace>.<name>" of the definition.
PROGRESS_QUERY: Final = "progress"
PAUSE_UPDATE: Final = "pause"
RESUME_UPDATE: Final = "resume"
DECIDE_UPDATE: Final = "decide"
# An approval that is not open (yet, or any more) in the run that was asked.
NOT_OPEN: Final = "not-open"
# Its argument: the listening tasks (execution paths) for which there are events.
EVENTS_SIGNAL: Final = "events"
# To what starts a definition by itself: its schedule may be another one now.
RESCHEDULED_SIGNAL: Final = "rescheduled"
# Search attributes that every run carries.
TENANT_ATTRIBUTE: Final = "MillwrightTenant"
VERSION_ATTRIBUTE: Final = "MillwrightVersion"
# Memo of a run: who wanted it besides who started it, a list of ids: who has let it go on after it
# had ended, who made, changed or ran the schedule that started it. They are no others to decide it.
GONE_ON_BY: Final = "gone_on_by"
# What a run is doing, where Temporal knows only that it is running.
STATUS_ATTRIBUTE: Final = "MillwrightStatus"
# What definitions let their instances be found by: texts `name=value`.
TAGS_ATTRIBUTE: Final = "MillwrightTags"

# What new runs pin. Raise the first when the interpreter would treat a running instance differently
# than before; the second belongs to the expressions, of which a worker has several versions.
ENGINE: Final = Engine(interpreter="4", expressions=ENGINE_VERSION)


class Carried(BaseModel, frozen=True):
    """What a run leaves to the one that goes on for it.

    Attributes:
        states: Where it stood, by path (`interpreter.position`).
        shared: What stands in several of them, or is the input, and was taken out.
        undoable: Tasks that have to be undone when the instance fails.
        context: What tasks have exported.
        started_at: When the first run began, in seconds after 1970.
        paused: Somebody wants it to stop for a while.
        last_event: Sequence number of its last event.
        run_id: Of the run before; it still tells the events before.
        changes: How often it has told others of another status.
        stood_at: Since when time has stood still, in seconds after 1970: the instance had ended.
            None when the next run goes on at once.
    """

    states: dict[str, State]
    shared: list[Shared] = Field(default_factory=list)
    undoable: list[State] = Field(default_factory=list)
    context: JsonValue = None
    started_at: float
    paused: bool = False
    last_event: int
    run_id: str
    changes: int = 0
    stood_at: float | None = None


class StartInput(BaseModel, frozen=True):
    """The one argument of every run, also for those who start one with the plain Temporal client.

    The workflow type names the definition (`namespace.name`), the workflow id must be
    `<tenant_id>/<namespace>/<name>/<id>`.

    Attributes:
        tenant_id: Whose run this is.
        version: Version of the definition; the newest published one when left out.
        input: Input of the workflow.
        definition_hash: Content hash of the prepared definition; set by the API.
        document: The prepared definition itself when it is small; read by hash otherwise.
        engine: What executes it; set by the API, else by the worker that reads the definition.
        carried: Set by the interpreter itself, when it goes on as a new run.
        generation: How many instances have led to this one, by running each other or by events.
        trigger: The run starts instances of the definition, as its schedule says, and does none of
            its tasks.
    """

    tenant_id: str = Field(min_length=1, max_length=63)
    version: str | None = None
    input: JsonValue = None
    definition_hash: str | None = None
    document: JsonObject | None = None
    engine: Engine | None = None
    carried: Carried | None = None
    generation: int = 0
    trigger: TriggerKind | None = None


class Decision(BaseModel, frozen=True):
    """What somebody says to an approval: a vote, or that another person is to decide.

    Attributes:
        approval: Its id.
        vote: Yes or no; None to hand it on.
        person: Who hands it on.
        to: Mail address of the person to whom it is handed.
        asked_by: Of the approval as the person saw it; None from those who do not tell.
    """

    approval: str
    vote: Vote | None = None
    person: Person | None = None
    to: str | None = None
    asked_by: str | None = None


class Refusal(StrEnum):
    """Why a decision is refused; the type of the failure that an update ends with."""

    FORBIDDEN = "forbidden"
    CONFLICT = "conflict"
    INVALID = "invalid"


class RunStatus(StrEnum):
    """What a run is doing, or did at its end, besides what Temporal says of it."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    WAITING = "WAITING"
    PAUSED = "PAUSED"
    COMPENSATING = "COMPENSATING"
    COMPENSATED = "COMPENSATED"
    TIMED_OUT = "TIMED_OUT"


class TaskState(StrEnum):
    """Where one execution of a task is."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAULTED = "faulted"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"


class TaskEvent(BaseModel, frozen=True):
    """One task began, ended or was skipped.

    Attributes:
        sequence: 1, 2, 3... within the run; what `Last-Event-ID` counts.
        reference: JSON pointer of the task in the definition, `/do/0/readSheet`.
        iteration: Loop turns around it, outermost first: `` (none), `3`, `3/0`.
        execution: Which of its executions: `/do/1/loop#3/do/0/read`. `#3` is a turn of a loop, `!2`
            the second attempt of a `try`, `*1` the first time that a jump led back.
        kind: `call`, `set`, `for`, ...; for calls with what is called: `call mcp.tool`.
        attempts: How often the activity behind a call ran; None for other tasks.
        error: The error object of the language when the task faulted.
        event: The CloudEvent that an `emit` task recorded.
        child: Id of the instance that a `run` task started.
        degraded: What the task called did not answer, and something stood in for it.
        fallback: What did, and why: `kind`, `error`, `reason`, and of what else is known.
    """

    sequence: int
    time: datetime
    reference: str
    iteration: str = ""
    name: str
    kind: str
    state: TaskState
    attempts: int | None = None
    error: JsonObject | None = None
    event: JsonObject | None = None
    execution: str = ""
    child: str | None = None
    degraded: bool = False
    fallback: JsonObject | None = None


class Progress(BaseModel, frozen=True):
    """Answer of the query `progress(after: int)`: at most 500 events after that sequence number.

    Attributes:
        last: Sequence number of the newest event there is; more to read when above the last one
            returned.
        dropped: Events no longer kept here, all older than those returned (very long loops).
        ended: The run will add no more events.
        run_before: The run that this one goes on for; it tells the events before.
        status: What the run is doing.
        waiting_for: What its branches wait for: `kind`, `task`, `execution`, `since`, `until`.
        compensation: What was undone, and what could not be.
        failed_at: The execution at which it failed, if it did at one; also None from old workers.
        input_told: `input` is the input of the run; a large one is left out, and is in its history.
    """

    events: list[TaskEvent]
    last: int
    dropped: int = 0
    ended: bool = False
    run_before: str | None = None
    status: RunStatus = RunStatus.RUNNING
    waiting_for: list[JsonObject] = Field(default_factory=list)
    compensation: JsonObject | None = None
    failed_at: str | None = None
    input_told: bool = True
    version: str | None = None
    definition_hash: str | None = None
    engine: Engine | None = None
    input: JsonValue = None
