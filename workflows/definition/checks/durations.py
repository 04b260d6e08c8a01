"""Durations that are written out."""

from collections.abc import Iterator
from typing import Final

from workflows.definition.checks.fields import FieldKey
from workflows.definition.checks.forms import one_line
from workflows.definition.checks.subject import Subject
from workflows.definition.durations import duration_seconds
from workflows.definition.findings import Code, Problem
from workflows.definition.models import (
    ActivityRetry,
    DurationParts,
    McpArguments,
    RateLimit,
    RetryPolicy,
    Schedule,
    TaskMetadata,
    TimeoutSpec,
    WaitTask,
)
from workflows.definition.models.asyncapi import AsyncApiConsumption
from workflows.definition.models.errors import AttemptLimit, Jitter, RetryLimit
from workflows.definition.models.run import ContainerLifetime
from workflows.expressions import expression_in, has_expressions

_DURATIONS: Final[frozenset[FieldKey]] = frozenset(
    {
        (TimeoutSpec, "after"),
        (WaitTask, "wait"),
        (McpArguments, "timeout"),
        (RetryPolicy, "delay"),
        (AttemptLimit, "duration"),
        (RetryLimit, "duration"),
        (Jitter, "from_"),
        (Jitter, "to"),
        (Schedule, "every"),
        (Schedule, "after"),
        (AsyncApiConsumption, "for_"),
        (ContainerLifetime, "after"),
        (TaskMetadata, "timeout"),
        (TaskMetadata, "heartbeat"),
        (ActivityRetry, "delay"),
        (ActivityRetry, "max_delay"),
        (RateLimit, "period"),
    }
)
# Those that are fixed before the task runs, or before there is any instance.
_FIXED: Final[frozenset[FieldKey]] = frozenset(
    {
        (TaskMetadata, "heartbeat"),
        (ActivityRetry, "delay"),
        (ActivityRetry, "max_delay"),
        (RateLimit, "period"),
        (Schedule, "every"),
        (Schedule, "after"),
    }
)


def check_durations(subject: Subject) -> Iterator[Problem]:
    """Read every duration that is written out."""
    for field in subject.fields:
        if field.key not in _DURATIONS or not isinstance(field.value, str | DurationParts):
            continue
        if (
            isinstance(field.value, str)
            and field.key not in _FIXED
            and expression_in(field.value) is not None
        ):
            yield from one_line(field.path, field.value)
            continue
        if isinstance(field.value, str) and has_expressions(field.value):
            message = (
                "This duration is fixed before the task runs. Write it out, such as PT10S."
                if field.key in _FIXED
                else "A duration is one expression or none. Build the text inside: "
                '${ "PT\\(.minutes)M" }, or write ${ {minutes: .minutes} }.'
            )
            yield Problem(Code.DURATION, field.path, message)
            continue
        try:
            duration_seconds(field.value)
        except ValueError as error:
            yield Problem(Code.DURATION, field.path, str(error))
