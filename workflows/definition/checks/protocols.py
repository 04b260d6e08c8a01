"""What a protocol demands of a call beyond its shape: MCP and A2A."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from workflows.definition.checks.fields import FieldAt
from workflows.definition.checks.subject import Subject
from workflows.definition.findings import Code, Problem, shown
from workflows.definition.models import A2aArguments, McpArguments, McpTransport

# Revisions of MCP are called by their day.
_REVISION: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
# What a request to an agent is nothing without, in every version of the protocol.
_NEEDED: Final[Mapping[str, str]] = {
    "message/send": "message",
    "message/stream": "message",
    "tasks/get": "id",
    "tasks/cancel": "id",
    "tasks/resubscribe": "id",
}


def check_protocols(subject: Subject) -> Iterator[Problem]:
    """Find requests that no server could answer, and options that nothing would heed."""
    for field in subject.fields:
        match field.owner, field.name:
            case McpArguments(), "protocol_version":
                yield from _check_revision(field)
            case McpTransport(), "options":
                yield from _refuse_options(field)
            case A2aArguments() as given, "method":
                yield from _check_parameters(field, given)
            case _:
                pass  # the other protocols demand nothing more


def _check_revision(field: FieldAt) -> Iterator[Problem]:
    if isinstance(field.value, str) and not _REVISION.fullmatch(field.value):
        message = (
            f"{shown(field.value)} is no version of MCP. Write the oldest revision that will do, "
            "such as 2025-06-18; the newest one that both sides know is used."
        )
        yield Problem(Code.WRONG_VALUE, field.path, message)


def _refuse_options(field: FieldAt) -> Iterator[Problem]:
    """Refuse each option: neither the language nor MCP over HTTP defines one."""
    for name in field.value if isinstance(field.value, Mapping) else ():
        message = (
            f"There is no option {shown(name)} of an MCP transport; nothing would heed it. Headers "
            "are 'http.headers', credentials 'http.endpoint.authentication', the longest wait is "
            "'timeout' beside 'transport'."
        )
        yield Problem(Code.UNKNOWN_KEY, (*field.path, name), message)


def _check_parameters(field: FieldAt, given: A2aArguments) -> Iterator[Problem]:
    needed = _NEEDED.get(given.method)
    # An expression is judged when there is something to judge.
    if needed is None or isinstance(given.parameters, str) or needed in (given.parameters or {}):
        return
    path = field.path[:-1] if given.parameters is None else (*field.path[:-1], "parameters")
    message = f"'{given.method}' needs 'parameters.{needed}'."
    yield Problem(Code.MISSING_KEY, path, message)
