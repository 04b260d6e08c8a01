"""Names that refer to something in `use`."""

from collections.abc import Iterator
from typing import NamedTuple

from workflows.definition.checks.subject import Subject
from workflows.definition.findings import Code, Path, Problem, did_you_mean, shown
from workflows.definition.models import (
    AuthenticationSpec,
    CatchSpec,
    Definition,
    RaiseSpec,
    TaskBase,
)


class Reference(NamedTuple):
    """One name, where it stands, and the section of `use` it means."""

    path: Path
    section: str
    name: str


def check_references(subject: Subject) -> Iterator[Problem]:
    """Find names that `use` does not declare."""
    for reference in _references(subject):
        known = subject.names(reference.section)
        if reference.name not in known:
            where = f"use.{reference.section}"
            hint = did_you_mean(reference.name, known) or f" Declare it in {where}."
            message = f"There is no {shown(reference.name)} in {where}.{hint}"
            yield Problem(Code.UNKNOWN_REFERENCE, reference.path, message)


def _references(subject: Subject) -> Iterator[Reference]:
    for field in subject.fields:
        match field.owner, field.name, field.value:
            case TaskBase() | Definition(), "timeout", str(name):
                yield Reference(field.path, "timeouts", name)
            case RaiseSpec(), "error", str(name):
                yield Reference(field.path, "errors", name)
            case CatchSpec(), "retry", str(name):
                yield Reference(field.path, "retries", name)
            case AuthenticationSpec(), "use", str(name):
                yield Reference(field.path, "authentications", name)
            case _:
                pass  # no reference
