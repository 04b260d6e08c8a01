"""What a caller sees of a schedule, and what may be asked of one."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final, Self
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    Field,
    ValidationError,
    model_validator,
)
from temporalio.client import ScheduleOverlapPolicy

from foundation.errors import InvalidInputError
from foundation.json import JsonValue
from workflows.runs.names import LABEL

# Temporal appends 21 characters (`-2026-11-22T10:00:00Z`) to make the key of a run of it.
SCHEDULE_ID: Final = r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}"
# Of the schedule that a definition has itself.
OWNED_ID: Final = rf"definition:{LABEL}\.{LABEL}"
# What was due while Temporal was down longer than this is not made up for.
CATCHUP_WINDOW: Final = timedelta(hours=1)

_OF_DEFINITION: Final = (
    "It is the `schedule` that the definition has itself: publish another version to change it."
)
_LONGEST: Final = timedelta(days=366)
_EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)


class Overlap(StrEnum):
    """What happens when a run is due and the one before still runs."""

    SKIP = "skip"
    BUFFER_ONE = "buffer_one"
    BUFFER_ALL = "buffer_all"
    CANCEL_OTHER = "cancel_other"
    TERMINATE_OTHER = "terminate_other"
    ALLOW_ALL = "allow_all"

    @property
    def policy(self) -> ScheduleOverlapPolicy:
        """The same in Temporal."""
        return ScheduleOverlapPolicy[self.name]


def _cron(text: str) -> str:
    """Refuse what another field says better, and what would hide in a comment."""
    if "TZ=" in text:
        raise ValueError(f"'{text}' names a time zone: use the field time_zone.")
    if text.lstrip().startswith("@every"):
        raise ValueError(f"'{text}' is an interval: use the field intervals.")
    if "#" in text or not text.isprintable():
        raise ValueError(f"'{text}' is no cron expression: it holds '#' or a control character.")
    return " ".join(text.split())


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(
            f"There is no time zone '{name}'. Use a name such as 'Asia/Seoul' or 'UTC'."
        ) from None
    return name


def _moment(value: datetime) -> datetime:
    if not _EARLIEST <= value <= _LATEST:
        raise ValueError(f"Must lie between {_EARLIEST:%Y-%m-%d} and {_LATEST:%Y-%m-%d}.")
    return value.astimezone(UTC)


Cron = Annotated[
    str, Field(min_length=1, max_length=100, examples=["0 6 * * MON-FRI"]), AfterValidator(_cron)
]
TimeZone = Annotated[
    str, Field(min_length=1, max_length=64, examples=["Asia/Seoul"]), AfterValidator(_time_zone)
]
Moment = Annotated[AwareDatetime, AfterValidator(_moment)]
Period = Annotated[timedelta, Field(ge=timedelta(seconds=1), le=_LONGEST)]
Pause = Annotated[timedelta, Field(ge=timedelta(0), le=_LONGEST)]
Catchup = Annotated[timedelta, Field(ge=timedelta(seconds=10), le=_LONGEST)]
Version = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[0-9A-Za-z.+-]+$")]
Note = Annotated[str, Field(max_length=1000)]


class Interval(BaseModel, extra="forbid", frozen=True):
    """Every so long, counted from 1970-01-01T00:00Z, plus an offset."""

    every: Period = Field(examples=["PT10M"])
    offset: Pause = Field(default=timedelta(0), examples=["PT30S"])

    @model_validator(mode="after")
    def _offset_within(self) -> Self:
        if self.offset >= self.every:
            raise ValueError("offset must be shorter than every.")
        return self


class ScheduleSettings(BaseModel, extra="forbid", frozen=True):
    """Everything about a schedule that may change. Durations are ISO 8601, or seconds."""

    version: Version | None = Field(
        default=None,
        description="Version of the definition; the newest one at the time of each run without.",
    )
    input: JsonValue = Field(default=None, description="Input of every run.")
    cron: list[Cron] = Field(default_factory=list, max_length=20)
    intervals: list[Interval] = Field(default_factory=list, max_length=20)
    time_zone: TimeZone = Field(default="UTC", description="In which cron is read.")
    start_at: Moment | None = Field(default=None, description="No run is due before.")
    end_at: Moment | None = Field(default=None, description="No run is due after.")
    jitter: Pause = Field(
        default=timedelta(0), description="Each run begins up to so much later, by chance."
    )
    overlap: Overlap = Overlap.SKIP
    catchup_window: Catchup = Field(
        default=CATCHUP_WINDOW,
        description="Runs missed while Temporal was down are made up for, if not older than this.",
    )
    pause_on_failure: bool = Field(default=False, description="Pause when a run faults.")
    paused: bool = False
    note: Note = ""

    @model_validator(mode="after")
    def _ends_after_start(self) -> Self:
        if self.start_at and self.end_at and self.end_at <= self.start_at:
            raise ValueError("end_at must be later than start_at.")
        return self

    @model_validator(mode="after")
    def _is_due_some_time(self) -> Self:
        if not self.cron and not self.intervals:
            raise ValueError("Say when: give cron, intervals, or both.")
        return self


class ScheduleChanges(BaseModel, extra="forbid", frozen=True):
    """What to change: what is left out stays, null goes back to how a new schedule has it."""

    version: Version | None = None
    input: JsonValue = None
    cron: Annotated[list[Cron], Field(max_length=20)] | None = None
    intervals: Annotated[list[Interval], Field(max_length=20)] | None = None
    time_zone: TimeZone | None = None
    start_at: Moment | None = None
    end_at: Moment | None = None
    jitter: Pause | None = None
    overlap: Overlap | None = None
    catchup_window: Catchup | None = None
    pause_on_failure: bool | None = None
    paused: bool | None = None
    note: Note | None = None

    def applied_to(self, settings: ScheduleSettings) -> ScheduleSettings:
        """Return the settings with these changes.

        Raises:
            InvalidInputError: When they make no schedule together.
        """
        merged = dict(settings) | {name: getattr(self, name) for name in self.model_fields_set}
        try:
            return ScheduleSettings(**{k: v for k, v in merged.items() if v is not None})
        except ValidationError as error:
            said = "; ".join(item["msg"] for item in error.errors())
            raise InvalidInputError(f"The schedule cannot be changed like this: {said}") from error


class NewSchedule(ScheduleSettings, frozen=True):
    """A schedule to be made."""

    id: str | None = Field(
        default=None,
        pattern=f"^{SCHEDULE_ID}$",
        description="A new one is made when left out.",
        examples=["every-morning"],
    )
    namespace: str = Field(pattern=f"^{LABEL}$", examples=["press-line"])
    name: str = Field(pattern=f"^{LABEL}$", examples=["defect-watch"])


class ScheduledRun(BaseModel, frozen=True):
    """One run that a schedule began."""

    instance_id: str
    scheduled_at: datetime
    started_at: datetime


class ScheduleSummary(BaseModel, frozen=True):
    """One line of a listing."""

    id: str = Field(examples=["every-morning"])
    namespace: str
    name: str
    of_definition: bool = Field(default=False, description=_OF_DEFINITION)
    cron: list[str]
    intervals: list[Interval]
    time_zone: str
    paused: bool
    note: str
    next_runs: list[datetime]
    recent_runs: list[ScheduledRun] = Field(description="Oldest first.")


class Schedule(ScheduleSettings, frozen=True):
    """A schedule as it is now."""

    id: str = Field(examples=["every-morning"])
    namespace: str
    name: str
    of_definition: bool = Field(default=False, description=_OF_DEFINITION)
    created_by: str | None = None
    created_at: datetime
    updated_at: datetime | None = None
    next_runs: list[datetime]
    recent_runs: list[ScheduledRun] = Field(description="Oldest first.")
    running: list[str] = Field(description="Ids of its instances that are running.")
    runs: int = Field(description="Runs it began so far.")
    missed: int = Field(description="Runs that were due too long ago when Temporal came back.")
    skipped: int = Field(description="Runs left out because of the overlap policy.")


class SchedulePage(BaseModel, frozen=True):
    """Some schedules."""

    items: list[ScheduleSummary]
    next_page_token: str | None = None


class Backfill(BaseModel, extra="forbid", frozen=True):
    """A time in the past (or future) to be gone through as if it passed now."""

    start_at: Moment
    end_at: Moment
    # With the policy `skip`, all runs but the first would be left out.
    overlap: Overlap = Overlap.BUFFER_ALL

    @model_validator(mode="after")
    def _a_bounded_time(self) -> Self:
        if not timedelta(0) <= self.end_at - self.start_at <= _LONGEST:
            raise ValueError(f"end_at must follow start_at by at most {_LONGEST.days} days.")
        return self
