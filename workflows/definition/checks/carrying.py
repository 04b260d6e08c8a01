"""Wishes about how a task is carried out that nothing would keep."""

from collections.abc import Iterator
from typing import Final

from workflows.definition.checks.subject import Site, Subject
from workflows.definition.durations import duration_seconds
from workflows.definition.findings import Code, Path, Problem
from workflows.definition.models import DurationParts, ListenTask

# What is about the queue, and about the workers that take from it.
_OF_QUEUES: Final = {
    "task_queue": "taskQueue",
    "priority": "priority",
    "fairness_key": "fairnessKey",
    "heartbeat": "heartbeat",
}

# Task queues that Temporal lets nobody use: it refuses the whole workflow task, again and again.
TEMPORALS_OWN: Final = "/_sys/"
# The pause before the second attempt, where nothing else is said.
_FIRST_DELAY_S: Final = 1.0


def check_carrying(subject: Subject) -> Iterator[Problem]:
    """Find what would be accepted and mean nothing."""
    for site in subject.sites:
        if site.task.millwright.model_fields_set:
            yield from _check_local(site)
            yield from _check_heartbeat(site)
            yield from _check_retry(site)
            yield from _check_queue(site)
            yield from _check_kept_events(site)


def _check_local(site: Site) -> Iterator[Problem]:
    given = site.task.millwright
    for field, name in _OF_QUEUES.items():
        if given.local and getattr(given, field) is not None:
            message = f"A local call has no queue and no heartbeat. Remove 'local' or '{name}'."
            yield Problem(Code.WRONG_VALUE, _place(site, name), message)


def _check_heartbeat(site: Site) -> Iterator[Problem]:
    heartbeat = site.task.millwright.heartbeat
    if not isinstance(heartbeat, str | DurationParts):
        return
    try:
        seconds = duration_seconds(heartbeat)
    except ValueError:
        return  # told as a duration
    if seconds <= 0:
        message = "A heartbeat is longer than nothing, such as PT10S."
        yield Problem(Code.WRONG_VALUE, _place(site, "heartbeat"), message)


def _check_retry(site: Site) -> Iterator[Problem]:
    """Find what Temporal refuses: a longest pause that is shorter than the first."""
    retry = site.task.millwright.retry
    if retry is None or retry.max_delay is None:
        return
    try:
        first = 0.0 if retry.delay is None else duration_seconds(retry.delay)
        longest = duration_seconds(retry.max_delay)
    except ValueError:
        return  # told as durations
    if longest < (first or _FIRST_DELAY_S):
        message = (
            "'maxDelay' is shorter than the first pause, which is 'delay', or 1 second without. "
            "Make it longer, or 'delay' shorter."
        )
        yield Problem(Code.WRONG_VALUE, (*_place(site, "retry"), "maxDelay"), message)


def _check_queue(site: Site) -> Iterator[Problem]:
    queue = site.task.millwright.task_queue
    if queue is not None and queue.startswith(TEMPORALS_OWN):
        message = f"Queues that begin with {TEMPORALS_OWN} are Temporal's own. Name another."
        yield Problem(Code.WRONG_VALUE, _place(site, "taskQueue"), message)


def _check_kept_events(site: Site) -> Iterator[Problem]:
    is_given = "kept_events" in site.task.millwright.model_fields_set
    if is_given and not isinstance(site.task, ListenTask):
        message = "'keptEvents' is for 'listen'. Remove it, or write it at the task that listens."
        yield Problem(Code.WRONG_VALUE, _place(site, "keptEvents"), message)


def _place(site: Site, name: str) -> Path:
    return (*site.path, "metadata", "millwright", name)
