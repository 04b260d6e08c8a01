"""Names that the author chose for the workflow and for variables, and the language's version."""

import re
from collections.abc import Iterator
from typing import Final

from workflows.definition.checks.expression_fields import PREDEFINED
from workflows.definition.checks.fields import FieldKey
from workflows.definition.checks.subject import Subject
from workflows.definition.findings import Code, Problem, shown
from workflows.definition.models import CatchSpec, ForSpec, SubscriptionIterator

_SUPPORTED_DSL: Final = re.compile(r"1\.0\.[0-9]+")
# `GET /workflows/instances/...` is the address of instances, not of a namespace.
_RESERVED_NAMESPACES: Final = frozenset({"instances"})
_VARIABLES: Final[frozenset[FieldKey]] = frozenset(
    {
        (ForSpec, "each"),
        (ForSpec, "at"),
        (CatchSpec, "as_"),
        (SubscriptionIterator, "item"),
        (SubscriptionIterator, "at"),
    }
)
_VARIABLE_NAME: Final = re.compile(r"(?!ENV$|__loc__$)[A-Za-z_][A-Za-z0-9_]*")


def check_header(subject: Subject) -> Iterator[Problem]:
    """Check what the document says about itself."""
    info = subject.definition.document
    if not _SUPPORTED_DSL.fullmatch(info.dsl):
        message = f"The language version {shown(info.dsl)} is not supported. Use '1.0.3'."
        yield Problem(Code.DSL_VERSION, ("document", "dsl"), message)
    if info.namespace in _RESERVED_NAMESPACES:
        message = f"The namespace {shown(info.namespace)} is reserved. Choose another one."
        yield Problem(Code.RESERVED_NAME, ("document", "namespace"), message)


def check_variables(subject: Subject) -> Iterator[Problem]:
    """Check the names that loops and catches give to their variables."""
    for field in subject.fields:
        if field.key not in _VARIABLES or not isinstance(field.value, str):
            continue
        if field.value in PREDEFINED:
            message = f"'${field.value}' has a meaning already. Choose another name."
            yield Problem(Code.RESERVED_NAME, field.path, message)
        elif not _VARIABLE_NAME.fullmatch(field.value):
            message = (
                f"{shown(field.value)} cannot be the name of a variable: letters, digits and "
                "underscores, without '$'."
            )
            yield Problem(Code.WRONG_VALUE, field.path, message)
        elif isinstance(field.owner, ForSpec) and field.owner.each == field.owner.at:
            message = "The item and its index have the same name. Rename one."
            yield Problem(Code.DUPLICATE_NAME, field.path, message)
