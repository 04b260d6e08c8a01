"""What the language has and this version does not execute yet: refused here, never at run time."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from workflows.definition.checks.fields import FieldKey
from workflows.definition.checks.subject import Subject
from workflows.definition.findings import Code, Path, Problem, shown
from workflows.definition.models import (
    AsyncApiArguments,
    McpArguments,
    McpStdioTransport,
)
from workflows.definition.pruning import task_at
from workflows.expressions import has_expressions

_FIELDS: Final[Mapping[FieldKey, str]] = {
    (McpStdioTransport, "environment"): "Variables for an MCP server over stdio are",
}
_INSTEAD: Final[Mapping[FieldKey, str]] = {
    (McpStdioTransport, "environment"): (
        "A program has those of its command in MILLWRIGHT_STDIO_COMMANDS: have them added there, "
        "and those that are secret to its 'secrets'."
    ),
}
# What is started is known before anything runs.
_WRITTEN_OUT: Final = {(McpStdioTransport, "command"), (McpStdioTransport, "arguments")}

# Of `call: asyncapi`. What only its document says is found when it runs.
_PROTOCOLS: Final = ("http", "mqtt", "mqtt5")


def check_support(subject: Subject) -> Iterator[Problem]:
    """Find everything that is not executed yet."""
    for field in subject.fields:
        if isinstance(field.owner, AsyncApiArguments) and field.name == "protocol":
            yield from _protocol(field.owner, field.path)
        if isinstance(field.owner, McpArguments) and field.name == "client":
            yield from _client(field.owner, field.path)
        if field.key in _WRITTEN_OUT and any(map(has_expressions, _texts(field.value))):
            message = (
                "The program of an MCP server cannot be computed: write 'command' and 'arguments' "
                "without expressions, and give the tool what it needs in 'parameters'."
            )
            yield Problem(Code.NOT_SUPPORTED_YET, field.path, message)
        what = _FIELDS.get(field.key)
        if what is not None:
            instead = _INSTEAD.get(field.key, "Remove it.")
            task = task_at(field.path)
            message = (
                f"{f'Task {shown(task)}: ' if task else ''}{what} not supported yet. {instead}"
            )
            yield Problem(Code.NOT_SUPPORTED_YET, field.path, message)


def _texts(value: object) -> Sequence[str]:
    return [value] if isinstance(value, str) else [str(each) for each in _items(value)]


def _items(value: object) -> Sequence[object]:
    return value if isinstance(value, list | tuple) else ()


def _client(given: McpArguments, path: Path) -> Iterator[Problem]:
    if given.transport.stdio is not None:
        message = (
            "A program is started once for several tasks, so none of them says what the client is "
            "called. Leave 'client' out."
        )
        yield Problem(Code.NOT_SUPPORTED_YET, path, message)


def _protocol(given: AsyncApiArguments, path: Path) -> Iterator[Problem]:
    """Refuse a protocol that decides; next to a server it is ignored, as the language wants it."""
    if given.server is not None or given.protocol is None:
        return
    if given.protocol not in _PROTOCOLS:
        message = (
            f"The protocol {shown(given.protocol)} is not supported yet. Supported: "
            f"{', '.join(_PROTOCOLS)}."
        )
        yield Problem(Code.NOT_SUPPORTED_YET, path, message)
    elif given.protocol == "http" and given.subscription is not None:
        message = "HTTP has nothing to subscribe to. Use a server that speaks mqtt or mqtt5."
        yield Problem(Code.NOT_SUPPORTED_YET, path, message)
