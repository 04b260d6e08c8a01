"""The error model: what `raise` raises and `catch` catches."""

from typing import Annotated, Self, TypeAlias

from pydantic import ConfigDict, Field, GetPydanticSchema, Tag, model_validator
from typing_extensions import TypedDict

from foundation.json import JsonObject
from workflows.definition.models.base import (
    OBJECT,
    TEXT,
    Given,
    JsonMap,
    Model,
    choice,
    exactly_one,
)
from workflows.definition.models.task_list import TaskList
from workflows.definition.models.values import DurationSpec


class ErrorSpec(Model):
    """A problem (RFC 9457)."""

    type: str
    status: int
    instance: Given[str] = None
    title: Given[str] = None
    detail: Given[str] = None


class RaiseSpec(Model):
    """The error to raise, or the name of one in `use.errors`."""

    error: Annotated[
        Annotated[str, Tag(TEXT)] | Annotated[ErrorSpec, Tag(OBJECT)],
        choice("the name of an error in use.errors", "an object with 'type' and 'status'"),
    ]


class _ErrorMembers(TypedDict, total=False):
    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)  # type: ignore[misc]

    type: str
    status: int
    instance: str
    title: str
    detail: str


class ErrorFilterSpec(Model):
    """Which errors are meant: those whose members have these values."""

    with_: Annotated[
        JsonObject,
        GetPydanticSchema(lambda _source, handler: handler(_ErrorMembers)),
        Field(min_length=1),
    ] = Field(default_factory=dict)


class Backoff(Model):
    """How the delay grows."""

    constant: Given[JsonMap] = None
    linear: Given[JsonMap] = None
    exponential: Given[JsonMap] = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        exactly_one(self, "constant", "linear", "exponential")
        return self


class AttemptLimit(Model):
    """Bounds of the attempts."""

    count: Given[int] = None
    duration: Given[DurationSpec] = None


class RetryLimit(Model):
    """When to give up."""

    attempt: Given[AttemptLimit] = None
    duration: Given[DurationSpec] = None


class Jitter(Model):
    """How much chance is in the delay."""

    from_: DurationSpec
    to: DurationSpec


class RetryPolicy(Model):
    """How to try again (not executed yet)."""

    when: Given[str] = None
    except_when: Given[str] = None
    delay: Given[DurationSpec] = None
    backoff: Given[Backoff] = None
    limit: Given[RetryLimit] = None
    jitter: Given[Jitter] = None


Retry: TypeAlias = Annotated[
    Annotated[str, Tag(TEXT)] | Annotated[RetryPolicy, Tag(OBJECT)],
    choice("the name of a policy in use.retries", "an object"),
]


class CatchSpec(Model):
    """What to catch, and what to do then."""

    errors: Given[ErrorFilterSpec] = None
    as_: str = "error"
    when: Given[str] = None
    except_when: Given[str] = None
    retry: Given[Retry] = None
    do: Given[TaskList] = None
    then: Given[str] = None
