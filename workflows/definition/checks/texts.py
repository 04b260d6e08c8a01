"""Texts that are never evaluated, and texts that are nothing unless they are."""

import re
from collections.abc import Iterator
from typing import Final

from workflows.definition.checks.fields import FieldKey
from workflows.definition.checks.subject import Subject
from workflows.definition.findings import Code, Problem, shown
from workflows.definition.models import (
    A2aArguments,
    ExternalResource,
    HttpArguments,
    McpArguments,
    McpClient,
    OpenApiArguments,
    ScriptSpec,
    SetTask,
    SubflowSpec,
    TaskMetadata,
)
from workflows.expressions import expression_in, has_expressions

_NO_EXPRESSIONS: Final[frozenset[FieldKey]] = frozenset(
    {
        (HttpArguments, "method"),
        (OpenApiArguments, "operation_id"),
        (McpArguments, "protocol_version"),
        (McpClient, "name"),
        (McpClient, "version"),
        (ExternalResource, "name"),
        (SubflowSpec, "namespace"),
        (SubflowSpec, "name"),
        (SubflowSpec, "version"),
        (TaskMetadata, "task_queue"),
        (TaskMetadata, "fairness_key"),
    }
)
_ONLY_EXPRESSIONS: Final[frozenset[FieldKey]] = frozenset(
    {(SetTask, "set"), (McpArguments, "parameters"), (A2aArguments, "parameters")}
)
_METHOD: Final = re.compile(r"[A-Za-z]+(?:-[A-Za-z]+)*")


def check_texts(subject: Subject) -> Iterator[Problem]:
    """Find expressions where none is evaluated, and texts where only an expression makes sense."""
    for field in subject.fields:
        if not isinstance(field.value, str):
            continue
        if field.key in _NO_EXPRESSIONS and has_expressions(field.value):
            message = "No expression can stand here. Write the value."
            yield Problem(Code.WRONG_VALUE, field.path, message)
        elif field.key == (ScriptSpec, "code") and expression_in(field.value) is not None:
            message = "Code is taken as it stands. Pass data as arguments, environment or stdin."
            yield Problem(Code.WRONG_VALUE, field.path, message)
        elif field.key in _ONLY_EXPRESSIONS and expression_in(field.value) is None:
            message = "Text here must be one expression: ${ ... }."
            yield Problem(Code.WRONG_VALUE, field.path, message)
        elif field.key == (HttpArguments, "method") and not _METHOD.fullmatch(field.value):
            message = f"{shown(field.value)} is not an HTTP method. Write get, post, put, ..."
            yield Problem(Code.WRONG_VALUE, field.path, message)
