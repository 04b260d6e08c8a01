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


def check_carrying(subject: Subject) -> Iterator[Problem]:
    """Find what would be accepted and mean nothing."""
    for site in subject.sites:
        if site.task.millwright.model_fields_set:
            yield from _check_local(site)
            yield from _check_heartbeat(site)
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


def _check_kept_events(site: Site) -> Iterator[Problem]:
    is_given = "kept_events" in site.task.millwright.model_fields_set
    if is_given and not isinstance(site.task, ListenTask):
        message = "'keptEvents' is for 'listen'. Remove it, or write it at the task that listens."
        yield Problem(Code.WRONG_VALUE, _place(site, "keptEvents"), message)


def _place(site: Site, name: str) -> Path:
    return (*site.path, "metadata", "millwright", name)
