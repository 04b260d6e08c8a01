"""Local calls: a worker that dies makes them happen again, and nobody can tell whether they had."""

from collections.abc import Iterator
from typing import Final

from workflows.definition.checks.subject import Site, Subject
from workflows.definition.findings import Code, Path, Problem
from workflows.definition.models import CallHttp, CallMcp, RunTask, TaskBase

# Sending these twice does what sending them once does (RFC 9110).
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})


def check_locality(subject: Subject) -> Iterator[Problem]:
    """Find local calls that must not happen twice."""
    for site in subject.sites:
        given = site.task.millwright
        if given.local and isinstance(site.task, RunTask):
            message = "What 'run' runs has a queue or a life of its own. Only calls can be local."
            yield Problem(Code.WRONG_VALUE, _place(site), message)
        elif given.local and given.idempotency_key is None and not _is_repeatable(site.task):
            yield _refused(site)


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
