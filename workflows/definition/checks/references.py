"""Names that refer to something in `use`."""

from collections.abc import Iterator
from typing import NamedTuple

from workflows.definition.checks.expressions import compiled_fields
from workflows.definition.checks.subject import Subject
from workflows.definition.findings import Code, Path, Problem, did_you_mean, shown
from workflows.definition.models import (
    AuthenticationSpec,
    CatchSpec,
    Definition,
    RaiseSpec,
    SecretReference,
    TaskBase,
    TaskMetadata,
)
from workflows.expressions import Expression


class Reference(NamedTuple):
    """One name, where it stands, and the section of `use` it means."""

    path: Path
    section: str
    name: str


def check_references(subject: Subject) -> Iterator[Problem]:
    """Find names that `use` does not declare."""
    for reference in references(subject):
        if subject.foreign(reference.path) and reference.section != "secrets":
            continue  # refused as such
        known = subject.names(reference.section)
        if reference.name not in known:
            where = f"use.{reference.section}"
            hint = did_you_mean(reference.name, known) or f" Declare it in {where}."
            message = f"There is no {shown(reference.name)} in {where}.{hint}"
            yield Problem(Code.UNKNOWN_REFERENCE, reference.path, message)


def check_secret_names(subject: Subject) -> Iterator[Problem]:
    """Find secrets that expressions read and `use.secrets` does not declare."""
    if subject.definition.evaluate.language != "jq":
        return
    known = subject.names("secrets")
    for field, expressions in compiled_fields(subject):
        # Elsewhere none may be read at all.
        for path, found in expressions if field.secrets else ():
            if isinstance(found, Expression) and "secrets" in found.variables:
                yield from (_unknown_secret(path, name, known) for name in _read(found) - known)


def secrets_read(subject: Subject) -> frozenset[str]:
    """Name all secrets that a definition uses, declared or not."""
    named = (each.name for each in references(subject) if each.section == "secrets")
    read = (
        name
        for _, expressions in compiled_fields(subject)
        for _, found in expressions
        if isinstance(found, Expression) and "secrets" in found.variables
        for name in _read(found)
    )
    return frozenset((*named, *read))


def _read(expression: Expression) -> frozenset[str]:
    return frozenset(
        key
        for read in expression.analysis().reads
        if read.root == "secrets" and isinstance(key := read.keys[0], str)
    )


def _unknown_secret(path: Path, name: str, known: frozenset[str]) -> Problem:
    hint = did_you_mean(name, known) or f" Declare it: use: {{secrets: [{name}]}}."
    message = f"There is no secret {shown(name)} in use.secrets.{hint}"
    return Problem(Code.UNKNOWN_REFERENCE, path, message)


def references(subject: Subject) -> Iterator[Reference]:
    """Go through all names that refer to something in `use`."""
    for field in subject.fields:
        match field.owner, field.name, field.value:
            case TaskBase() | Definition(), "timeout", str(name):
                yield Reference(field.path, "timeouts", name)
            case TaskMetadata(), "compensate", str(name):
                yield Reference(field.path, "functions", name)
            case RaiseSpec(), "error", str(name):
                yield Reference(field.path, "errors", name)
            case CatchSpec(), "retry", str(name):
                yield Reference(field.path, "retries", name)
            case SecretReference(), "use", str(name):
                yield Reference(field.path, "secrets", name)
            case AuthenticationSpec(), "use", str(name):
                yield Reference(field.path, "authentications", name)
            case _:
                pass  # no reference
