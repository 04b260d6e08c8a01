"""What the language has and this version does not execute yet: refused here, never at run time."""

from collections.abc import Iterator, Mapping
from typing import Final

from workflows.definition.checks.fields import FieldKey
from workflows.definition.checks.subject import Subject
from workflows.definition.findings import Code, Path, Problem, shown
from workflows.definition.models import (
    AsyncApiArguments,
    McpTransport,
)
from workflows.definition.pruning import task_at

_FIELDS: Final[Mapping[FieldKey, str]] = {
    (McpTransport, "stdio"): "MCP servers over stdio are",
}
_INSTEAD: Final[Mapping[FieldKey, str]] = {
    (McpTransport, "stdio"): (
        "A worker starts no programs for a definition. Start the server with an HTTP transport; "
        "then use 'http', or register it (POST /api/v1/mcp/servers) and use 'call: mcp.tool'."
    ),
}

# Of `call: asyncapi`. What only its document says is found when it runs.
_PROTOCOLS: Final = ("http", "mqtt", "mqtt5")


def check_support(subject: Subject) -> Iterator[Problem]:
    """Find everything that is not executed yet."""
    for field in subject.fields:
        if isinstance(field.owner, AsyncApiArguments) and field.name == "protocol":
            yield from _protocol(field.owner, field.path)
        what = _FIELDS.get(field.key)
        if what is not None:
            instead = _INSTEAD.get(field.key, "Remove it.")
            task = task_at(field.path)
            message = (
                f"{f'Task {shown(task)}: ' if task else ''}{what} not supported yet. {instead}"
            )
            yield Problem(Code.NOT_SUPPORTED_YET, field.path, message)


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
