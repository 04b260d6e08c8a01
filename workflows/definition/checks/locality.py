"""Local calls: a worker that dies makes them happen again, and nobody can tell whether they had.

And while one is under way its instance sees nothing else, so it has to be short.
"""

from collections.abc import Iterator
from typing import Final

from workflows.definition.checks.subject import Site, Subject
from workflows.definition.durations import MAX_LOCAL_S, duration_seconds
from workflows.definition.findings import Code, Path, Problem
from workflows.definition.models import (
    CallAsyncApi,
    CallHttp,
    CallMcp,
    DurationParts,
    RunTask,
    TaskBase,
    TimeoutSpec,
)

# Sending these twice does what sending them once does (RFC 9110).
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})


def check_locality(subject: Subject) -> Iterator[Problem]:
    """Find local calls that must not happen twice."""
    for site in subject.sites:
        given = site.task.millwright
        if given.local and isinstance(site.task, RunTask):
            message = "What 'run' runs has a queue or a life of its own. Only calls can be local."
            yield Problem(Code.WRONG_VALUE, _place(site), message)
        elif given.local and _subscribes(site.task):
            message = "A subscription waits for messages, and a local call has to be short."
            yield Problem(Code.WRONG_VALUE, _place(site), message)
        elif given.local and given.idempotency_key is None and not _is_repeatable(site.task):
            yield _refused(site)
        if given.local:
            yield from _too_long(site, subject)


def _subscribes(task: TaskBase) -> bool:
    return isinstance(task, CallAsyncApi) and task.with_.subscription is not None


def _too_long(site: Site, subject: Subject) -> Iterator[Problem]:
    """Find the time that a local call is given, where it is written out and too long."""
    own = site.task.millwright.timeout
    path, spec = (*site.path, "metadata", "millwright", "timeout"), own
    if own is None:
        path, spec = (*site.path, "timeout"), _after(site.task.timeout, subject)
    if not isinstance(spec, str | DurationParts) or _seconds(spec) <= MAX_LOCAL_S:
        return
    yield Problem(
        Code.WRONG_VALUE,
        path,
        f"A local call has {MAX_LOCAL_S:g} s at most: while it is under way the instance sees "
        "neither clocks nor decisions nor that it is cancelled. Give it less time, or remove "
        "'local'.",
    )


def _after(timeout: str | TimeoutSpec | None, subject: Subject) -> str | DurationParts | None:
    if isinstance(timeout, str):
        timeout = subject.definition.use.timeouts.get(timeout)
    return timeout.after if timeout is not None else None


def _seconds(spec: str | DurationParts) -> float:
    """Return how long that is; nothing when it is computed, or told as no duration elsewhere."""
    try:
        return duration_seconds(spec)
    except ValueError:
        return 0.0


def _is_repeatable(task: TaskBase) -> bool:
    match task:
        case CallHttp(with_=given):
            return given.method.upper() in _SAFE_METHODS
        case CallMcp(with_=given):
            return given.method != "tools/call"
        case _:
            return False


def _place(site: Site) -> Path:
    return (*site.path, "metadata", "millwright", "local")


def _refused(site: Site) -> Problem:
    return Problem(
        Code.WRONG_VALUE,
        _place(site),
        "A local call happens again when its worker dies. Only requests that may be repeated (HTTP "
        "GET, PUT, DELETE; MCP lists) can be local; for others give an 'idempotencyKey' by which "
        "the other side recognises the repetition.",
    )
