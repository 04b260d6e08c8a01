"""Asking a server what tools it has, and not believing everything it says.

Bounds: pages, tools, bytes. A tool whose schema cannot be used is kept with the reason, so that one
bad tool does not keep the good ones from being used. A server that breaks a bound, or names a tool
twice, is refused as a whole.
"""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

from anyio import fail_after, to_thread
from mcp.shared.inbound import find_invalid_x_mcp_header

from foundation.json import JsonObject, JsonValue, canonical
from foundation.schema_cost import SchemaRefusedError
from foundation.schemas import compiled
from toolhub.errors import NotMcpError
from toolhub.failures import Attempt, failure
from toolhub.outcome import Kind, classify
from toolhub.pinning.hashing import fingerprint
from toolhub.repository import made_storable
from toolhub.schemas import MAX_TOOLS, ToolDefinition
from toolhub.wire.exchange import Destination, Exchange, Message, Wire

MAX_PAGES: Final = 100
MAX_PAGE_BYTES: Final = 4 * 1024 * 1024
MAX_BYTES: Final = 16 * 1024 * 1024
TIMEOUT_S: Final = 15.0
ALL_PAGES_S: Final = 30.0
_YEAR_MS: Final = 365 * 86_400_000
_MAX_NAME: Final = 128
_MAX_TITLE: Final = 500
_MAX_DESCRIPTION: Final = 8192
_ANY_OBJECT: Final[JsonObject] = {"type": "object"}


@dataclass(frozen=True)
class FoundTool:
    """A tool, as it will be stored.

    Attributes:
        problem: Why it cannot be called; its schemas are then left out.
    """

    name: str
    title: str | None = None
    description: str | None = None
    input_schema: JsonObject = field(default_factory=lambda: _ANY_OBJECT)
    output_schema: JsonObject | None = None
    annotations: JsonObject = field(default_factory=dict)
    sha256: str = ""
    problem: str | None = None


@dataclass(frozen=True)
class Discovery:
    """What a server said about itself.

    Attributes:
        ttl: How long its list holds, as it says.
    """

    protocol: JsonObject | None
    tools: list[FoundTool]
    ttl: timedelta | None = None


async def discover(wire: Wire, to: Destination) -> Discovery:
    """List the tools of a server, page by page.

    Raises:
        CallError: When it does not answer, or not as agreed.
    """
    try:
        with fail_after(ALL_PAGES_S):
            raw, protocol, ttl = await _pages(wire, to)
    except TimeoutError:
        raise _refused(to, f"takes more than {ALL_PAGES_S:g} s to list its tools") from None
    # Compiling a thousand schemas takes a while: not on the event loop.
    tools = await to_thread.run_sync(_read_all, to, raw)
    return Discovery(protocol, tools, ttl)


def described(tools: list[ToolDefinition]) -> list[FoundTool]:
    """Take the tools that a user described, for dialects that cannot list theirs.

    Raises:
        SchemaRefusedError: When a schema cannot be used: whoever wrote it is here to mend it.
    """
    found = [_described(tool) for tool in tools]
    for tool in found:
        if tool.problem is not None:
            raise SchemaRefusedError(f"The tool '{tool.name}' cannot be registered: {tool.problem}")
    return found


async def _pages(
    wire: Wire, to: Destination
) -> tuple[list[JsonValue], JsonObject | None, timedelta | None]:
    tools: list[JsonValue] = []
    ttls: list[timedelta] = []
    size, cursor, protocol = 0, None, None
    for _ in range(MAX_PAGES):
        exchange = await _page(wire, to, cursor)
        result, protocol = exchange.result or {}, exchange.protocol
        if protocol is not None:  # negotiated once; the next pages need not ask again
            to = replace(to, version=str(protocol["version"]))
        page = result.get("tools")
        tools += page if isinstance(page, list) else []
        size += len(canonical(page))
        if len(tools) > MAX_TOOLS or size > MAX_BYTES:
            raise _refused(to, f"lists more than {MAX_TOOLS:,} tools or {MAX_BYTES:,} bytes")
        ttls += _ttl(result.get("ttlMs"))
        cursor = result.get("nextCursor")
        if not isinstance(cursor, str):
            return tools, _storable(to, protocol), min(ttls, default=None)
    raise _refused(to, f"lists its tools on more than {MAX_PAGES} pages")


def _ttl(said: JsonValue) -> list[timedelta]:
    """Read how long a page holds; a year is long enough for every purpose."""
    if isinstance(said, bool) or not isinstance(said, int | float):
        return []
    return [timedelta(milliseconds=min(max(said, 0), _YEAR_MS))]


def _storable(to: Destination, protocol: JsonObject | None) -> JsonObject | None:
    if protocol is None:
        return None
    return {
        name: made_storable(to.mask.text(value))[:200] if isinstance(value, str) else value
        for name, value in protocol.items()
    }


async def _page(wire: Wire, to: Destination, cursor: JsonValue) -> Exchange:
    params: JsonObject = {} if cursor is None else {"cursor": cursor}
    message = Message(
        method="tools/list", params=params, timeout_s=TIMEOUT_S, max_bytes=MAX_PAGE_BYTES
    )
    attempt = Attempt(to, "the request 'tools/list'", TIMEOUT_S, repeatable=True)
    exchange = await wire.send(to, message)
    outcome = classify(exchange, repeatable=True)
    if outcome.kind is not Kind.ANSWERED:
        raise failure(attempt, outcome, exchange)
    return exchange


def _read_all(to: Destination, raw: list[JsonValue]) -> list[FoundTool]:
    found: dict[str, FoundTool] = {}
    for one in raw:
        tool = _read(to.mask.members(one) if isinstance(one, dict) else {})
        if tool.name in found:
            raise _refused(to, f"lists the tool '{tool.name}' twice")
        if not tool.name.isascii() or not tool.name.isprintable() or " " in tool.name:
            raise _refused(to, f"lists a tool with the name {tool.name[:_MAX_NAME]!a}")
        if not 0 < len(tool.name) <= _MAX_NAME:
            raise _refused(to, f"lists a tool whose name is not 1 to {_MAX_NAME} letters long")
        found[tool.name] = tool
    return list(found.values())


def _read(raw: JsonObject) -> FoundTool:
    name, title, description = raw.get("name"), raw.get("title"), raw.get("description")
    input_schema, output_schema = raw.get("inputSchema"), raw.get("outputSchema")
    annotations = raw.get("annotations")
    return _checked(
        FoundTool(
            name=name if isinstance(name, str) else "",
            title=_text(title, _MAX_TITLE),
            description=_text(description, _MAX_DESCRIPTION),
            input_schema=input_schema if isinstance(input_schema, dict) else _ANY_OBJECT,
            output_schema=output_schema if isinstance(output_schema, dict) else None,
            annotations=annotations if isinstance(annotations, dict) else {},
        )
    )


def _described(tool: ToolDefinition) -> FoundTool:
    return _checked(
        FoundTool(
            name=tool.name,
            description=_text(tool.description, _MAX_DESCRIPTION),
            input_schema=tool.input_schema,
            output_schema=tool.output_schema,
            annotations=tool.annotations,
        )
    )


def _text(value: JsonValue, most: int) -> str | None:
    return made_storable(value)[:most] if isinstance(value, str) else None


def _checked(tool: FoundTool) -> FoundTool:
    problem = _problem(tool.input_schema, tool.output_schema, tool.annotations)
    if problem is None:
        try:
            return replace(tool, sha256=fingerprint(tool))
        except ValueError as error:
            problem = f"it cannot be fingerprinted: {error}"
    bare = FoundTool(made_storable(tool.name), tool.title, tool.description, problem=problem)
    return replace(bare, sha256=fingerprint(bare))


def _problem(
    input_schema: JsonObject, output_schema: JsonObject | None, annotations: JsonObject
) -> str | None:
    """Say why a tool cannot be used, or nothing."""
    for which, schema in (("input_schema", input_schema), ("output_schema", output_schema)):
        try:
            if schema is not None:
                compiled(schema)
        except SchemaRefusedError as error:
            return f"its {which} cannot be used: {error}"
        except RecursionError:
            return f"its {which} cannot be used: it is nested too deeply"
    if reason := find_invalid_x_mcp_header(input_schema):
        # The protocol wants such a tool left out: gateways on the way would be told wrong things.
        return f"its input_schema cannot be used: {reason[:_MAX_TITLE]}"
    spelled = canonical([input_schema, output_schema, annotations])
    if b"\\u0000" in spelled:
        return "its description holds NUL characters"
    return None


def _refused(to: Destination, what: str) -> NotMcpError:
    return NotMcpError(
        f"The MCP server '{to.label}' {what}, so nothing of it was registered. Ask whoever runs it "
        "for a smaller server, or for an address that offers less."
    )
