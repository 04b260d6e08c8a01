"""Functions from elsewhere: they stand for themselves, and see no secrets of who calls them."""

import re
from collections.abc import Iterator
from typing import Final

from workflows.definition.checks.expression_fields import is_fetched
from workflows.definition.checks.expressions import compiled_fields
from workflows.definition.checks.references import references
from workflows.definition.checks.subject import Subject
from workflows.definition.findings import Code, Path, Problem, shown
from workflows.definition.models import EndpointSpec
from workflows.expressions import SECRET, Expression

_FIXED: Final = re.compile(r"https?://[^/?#\s{}]+[^\s{}]*", re.IGNORECASE)


def check_foreign(subject: Subject) -> Iterator[Problem]:
    """Find what a fetched function would take from the workflow that calls it."""
    if not subject.parts:
        return
    for reference in references(subject):
        part = subject.foreign(reference.path)
        if part is None:
            continue
        if reference.section != "secrets":
            message = (
                f"It refers to {shown(reference.name)} in use.{reference.section} of whatever "
                "workflow calls it. Write that out in the function."
            )
            yield Problem(Code.ELSEWHERE, reference.path, message)
        elif not part.trusted:
            yield _sees_secrets(reference.path)
    for field, expressions in compiled_fields(subject):
        part = subject.foreign(field.path)
        if part is not None and not part.trusted:
            for path, found in expressions:
                if isinstance(found, Expression) and not SECRET.isdisjoint(found.variables):
                    yield _sees_secrets(path)


def _sees_secrets(path: Path) -> Problem:
    message = (
        "It reads a secret of yours. Only functions of your own catalogue can: publish it there, "
        "or call the service yourself."
    )
    return Problem(Code.SECRET_FLOW, path, message)


def check_fetched(subject: Subject) -> Iterator[Problem]:
    """Find addresses that could not be read when the workflow is published."""
    for field in subject.fields:
        if field.name != "endpoint" or not is_fetched(field):
            continue
        is_object = isinstance(field.value, EndpointSpec)
        uri = field.value.uri if isinstance(field.value, EndpointSpec) else field.value
        path = (*field.path, "uri") if is_object else field.path
        if not isinstance(uri, str) or not _FIXED.fullmatch(uri):
            message = (
                f"{shown(str(uri))} is read when the workflow is published, before there is any "
                "data: write an address that begins with https:// or http://, without expressions "
                "and variables."
            )
            yield Problem(Code.URI, path, message)
