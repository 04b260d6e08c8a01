"""`metadata.millwright`: what factories need and the language lacks. Everything else is free."""

from typing import Annotated, Literal, TypeAlias

from pydantic import ConfigDict, Field, Tag

from workflows.definition.models.base import TEXT, Given, JsonMap, Model, choice
from workflows.definition.models.task_list import TaskList
from workflows.definition.models.values import DurationSpec

LIST = "\0list"


class ActivityRetry(Model):
    """How Temporal repeats a call that certainly had no effect.

    Attributes:
        attempts: How many in all.
        backoff: How many times longer each delay is than the one before.
    """

    attempts: Given[Annotated[int, Field(ge=1, le=1000)]] = None
    delay: Given[DurationSpec] = None
    backoff: Given[Annotated[float, Field(ge=1, le=10, strict=False)]] = None
    max_delay: Given[DurationSpec] = None


class ConcurrencyLimit(Model):
    """How many may be under way at the same time, in the whole tenant.

    Attributes:
        key: Those with the same key share the limit; the task itself without one.
    """

    limit: Annotated[int, Field(ge=1, le=10_000)]
    key: Given[Annotated[str, Field(min_length=1)]] = None


class RateLimit(ConcurrencyLimit):
    """How many may begin in any period of that length, in the whole tenant."""

    period: DurationSpec


Compensation: TypeAlias = Annotated[
    Annotated[str, Field(min_length=1), Tag(TEXT)]
    | Annotated[TaskList, Field(min_length=1), Tag(LIST)],
    choice("the name of a function in use.functions", "a list of tasks", other_tag=LIST),
]


class TaskMetadata(Model):
    """What one task wants of the engine.

    Attributes:
        timeout: How long one exchange with the other side may take.
        retry: How the call is repeated, if it certainly had no effect.
        heartbeat: How soon a dead worker is noticed.
        idempotency_key: By which the other side recognises a repetition.
        local: A short call that needs no queue: faster, without heartbeat.
        concurrency: How many calls may be under way at the same time.
        rate_limit: How many calls may begin in a period.
        search_attributes: What the instance can be found by.
        compensate: What undoes this task when the instance fails or is cancelled later.
        kept_events: A listening task also gets events that came shortly before it.
    """

    timeout: Given[DurationSpec] = None
    retry: Given[ActivityRetry] = None
    task_queue: Given[Annotated[str, Field(min_length=1, max_length=200)]] = None
    priority: Given[Annotated[int, Field(ge=1, le=5)]] = None
    fairness_key: Given[Annotated[str, Field(min_length=1, max_length=40)]] = None
    heartbeat: Given[DurationSpec] = None
    idempotency_key: Given[Annotated[str, Field(min_length=1)]] = None
    local: bool = False
    summary: Given[Annotated[str, Field(min_length=1)]] = None
    concurrency: Given[ConcurrencyLimit] = None
    rate_limit: Given[RateLimit] = None
    search_attributes: Given[JsonMap] = None
    compensate: Given[Compensation] = None
    kept_events: bool = True


class Metadata(Model):
    """Free, but for our part of it."""

    model_config = ConfigDict(extra="allow")

    millwright: Given[TaskMetadata] = None


class ScheduleMetadata(Model):
    """What `every` and `cron` of a schedule leave open.

    Attributes:
        time_zone: In which cron is read.
        overlap: What happens when it is time and the instance before still runs.
    """

    time_zone: str = "UTC"
    overlap: Literal[
        "skip", "buffer_one", "buffer_all", "cancel_other", "terminate_other", "allow_all"
    ] = "allow_all"


LifecycleLevel: TypeAlias = Literal["none", "workflow", "all"]


class WorkflowMetadata(Model):
    """What the workflow wants of the engine.

    Attributes:
        finally_: What is done at the end, however the instance ends.
        schedule: How its schedule is kept.
        lifecycle_events: Which events tell what instances are doing, and their tasks.
    """

    finally_: Given[Annotated[TaskList, Field(min_length=1)]] = None
    schedule: Given[ScheduleMetadata] = None
    lifecycle_events: LifecycleLevel = "none"


class DocumentMetadata(Model):
    """Free, but for our part of it."""

    model_config = ConfigDict(extra="allow")

    millwright: Given[WorkflowMetadata] = None
