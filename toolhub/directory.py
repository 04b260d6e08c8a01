"""Where a tool is and how it is called, kept in memory for a short while.

The hot path of a call: no query and no thread while an entry is fresh. Changes made in this process
are seen at once; those of another process within `KEPT_S`.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from threading import Lock
from typing import Final, TypeAlias
from weakref import WeakValueDictionary

import anyio
from anyio import to_thread
from cachetools import TTLCache
from mcp.shared.inbound import find_invalid_x_mcp_header, x_mcp_header_map

from foundation.database import Database
from foundation.errors import UnavailableError
from foundation.json import JsonObject
from foundation.schemas import Schema, compiled
from foundation.settings import McpSettings
from toolhub.credentials import Credentials, Opened
from toolhub.errors import ToolUnusableError, UnknownServerError, UnknownToolError
from toolhub.guard import Guarded
from toolhub.logins.types import Registered
from toolhub.models import McpServer, McpTool, McpToolVersion
from toolhub.pinning.refusals import pinned, quarantined
from toolhub.pinning.repository import ToolRows
from toolhub.policies.models import McpToolPolicy
from toolhub.policies.types import AS_SAID, ToolPolicy
from toolhub.protection import forced_of, numbers_of
from toolhub.repository import ServerRows
from toolhub.schemas import Dialect
from toolhub.wire.exchange import Destination, Program

# How long a changed credential or a removed server may still be used by another process.
KEPT_S: Final = 10.0
STDIO_SCHEME: Final = "stdio:"
_KEPT_ENTRIES: Final = 4096
_NAMED: Final = 30
# Before the fingerprint of a tool that was called already.
_CALLED: Final = "called:"

# Tenant, server, tool, and the fingerprint that the caller pins.
Key: TypeAlias = tuple[str, str, str, str | None]


@dataclass(frozen=True)
class Entry:
    """All that a call needs to know about one tool of one tenant.

    Attributes:
        sha256: Fingerprint of the tool.
        output: None when the tool promises nothing about its result.
        repeatable: Calling it twice does what calling it once does.
        read_only: It changes nothing.
        policy: What an operator knows of it.
        param_headers: Arguments that the protocol wants repeated in headers, by path.
    """

    to: Destination
    guarded: Guarded
    dialect: Dialect
    tool: str
    sha256: str
    timeout_s: float
    input: Schema
    output: Schema | None
    repeatable: bool
    read_only: bool = False
    policy: ToolPolicy = AS_SAID
    param_headers: Mapping[tuple[str, ...], str] = field(default_factory=dict)


class Directory:
    """Entries by tenant, server and tool."""

    def __init__(
        self,
        database: Database,
        credentials: Credentials,
        clock: Callable[[], float] = time.monotonic,
        *,
        protection: McpSettings,
    ) -> None:
        self._database = database
        self._credentials = credentials
        self._protection = protection
        self._entries: TTLCache[Key, Entry, float] = TTLCache(_KEPT_ENTRIES, KEPT_S, clock)
        self._lock = Lock()  # services in threads forget what the event loop looks up
        self._loading: WeakValueDictionary[Key, anyio.Lock] = WeakValueDictionary()

    async def find(
        self, tenant_id: str, server: str, tool: str, sha256: str | None = None
    ) -> Entry:
        """Return an entry, from memory or from the database.

        Args:
            tenant_id: Whose server it is.
            server: Its name.
            tool: Which of its tools.
            sha256: The tool that is meant; None means the one there is.

        Raises:
            UnknownServerError: When the tenant has no such server.
            UnknownToolError: When the server has no such tool.
            ToolUnusableError: When the tool's schemas cannot be used.
            ToolQuarantinedError: When it has changed and nobody has accepted that.
            ToolPinError: When it is not the one that is meant, nor compatible with it.
        """
        key = (tenant_id, server, tool, sha256)
        if entry := self._known(key):
            return entry
        loading = self._loading.setdefault(key, anyio.Lock())
        async with loading:  # of many calls that miss at once, one asks
            if entry := self._known(key):
                return entry
            return await to_thread.run_sync(self._load, key)

    async def find_called(self, tenant_id: str, server: str, tool: str, sha256: str) -> Entry:
        """Return what is needed about a tool that was called and runs on, as it was then.

        Nobody asks whether it may still be called.

        Raises:
            UnknownServerError: When the tenant has no such server any more.
            UnknownToolError: When this registration of it never had that tool.
        """
        key = (tenant_id, server, tool, f"{_CALLED}{sha256}")
        if entry := self._known(key):
            return entry
        return await to_thread.run_sync(self._load_called, key)

    async def reloaded(self, to: Destination, server: Registered) -> Destination | None:
        """Return where the same registration is sent to by now; None when it is gone.

        A credential that has changed is known to the next call, too.
        """
        try:
            now = await to_thread.run_sync(self._stored, to.label, server)
        except UnavailableError:
            return to  # nobody knows better
        if now is not None and now.registered != to.registered:
            self.forget(server.tenant_id, to.label)
        return now

    def _stored(self, name: str, known: Registered) -> Destination | None:
        with self._database.session() as session:
            server = ServerRows(session, known.tenant_id).server(name)
            if server is None or str(server.id) != known.server_id:
                return None
            return destination(server, self._credentials.open(server))

    def forget(self, tenant_id: str, server: str) -> None:
        """Drop what is known about a server that has changed."""
        with self._lock:
            for key in [key for key in self._entries if key[:2] == (tenant_id, server)]:
                self._entries.pop(key, None)

    def _known(self, key: Key) -> Entry | None:
        with self._lock:
            return self._entries.get(key)

    def _load(self, key: Key) -> Entry:
        tenant_id, server_name, tool_name, sha256 = key
        with self._database.session() as session:
            rows = ServerRows(session, tenant_id)
            server = found_server(rows, server_name)
            versions = ToolRows(session, tenant_id)
            if drift := versions.drift(server.id, tool_name):
                raise quarantined(server_name, drift)
            tool = rows.tool(server.id, tool_name)
            if tool is None:
                raise unknown_tool(server_name, tool_name, rows.tool_names(server.id))
            meant: McpTool | McpToolVersion = tool
            if sha256 not in (None, tool.sha256):
                meant = pinned(versions, server_name, tool, sha256 or "")
            policy = policy_of(session.get(McpToolPolicy, (tenant_id, server.id, tool.name)))
        entry = self._entry(server, tool, meant, policy)
        with self._lock:
            self._entries[key] = entry
        return entry

    def _load_called(self, key: Key) -> Entry:
        tenant_id, server_name, tool_name, mark = key
        with self._database.session() as session:
            server = found_server(ServerRows(session, tenant_id), server_name)
            sha256 = (mark or "").removeprefix(_CALLED)
            tool = ToolRows(session, tenant_id).by_fingerprint(server.id, tool_name, sha256)
            if tool is None:
                raise unknown_tool(server_name, tool_name, [])
            policy = policy_of(session.get(McpToolPolicy, (tenant_id, server.id, tool.name)))
        entry = self._entry(server, tool, tool, policy)
        with self._lock:
            self._entries[key] = entry
        return entry

    def _entry(
        self,
        server: McpServer,
        tool: McpTool | McpToolVersion,
        meant: McpTool | McpToolVersion,
        policy: ToolPolicy,
    ) -> Entry:
        if tool.problem is not None:
            raise ToolUnusableError(
                f"The tool '{tool.name}' of the MCP server '{server.name}' cannot be called: "
                f"{tool.problem}. Whoever runs the server has to mend that; then refresh it."
            )
        policy = policy.fitting(tool.input_schema)
        return Entry(
            to=destination(server, self._credentials.open(server)),
            guarded=guarded(server, self._protection),
            dialect=Dialect(server.dialect),
            tool=tool.name,
            sha256=tool.sha256,
            timeout_s=min(server.timeout_s, policy.timeout_s or server.timeout_s),
            input=compiled(meant.input_schema),
            output=None if tool.output_schema is None else compiled(tool.output_schema),
            repeatable=policy.repeatable(tool.annotations),
            read_only=policy.only_reads(tool.annotations),
            policy=policy,
            param_headers=_param_headers(tool.input_schema),
        )


def guarded(server: McpServer, defaults: McpSettings) -> Guarded:
    """Return what stands before a registered server."""
    return Guarded(
        tenant_id=server.tenant_id,
        server_id=str(server.id),
        label=server.name,
        numbers=numbers_of(defaults, server.protection),
        mode=forced_of(server.breaker).mode,
    )


def destination(server: McpServer, credential: Opened) -> Destination:
    """Return where requests to a registered server go."""
    version = (server.protocol or {}).get("version")
    return Destination(
        tenant_id=server.tenant_id,
        label=server.name,
        endpoint=server.endpoint,
        headers=credential.headers,
        query=credential.query,
        registered=credential.registered,
        plain_headers=server.headers or {},
        version=version if isinstance(version, str) else None,
        program=program_of(server) if server.dialect == Dialect.STDIO else None,
    )


def program_of(server: McpServer) -> Program:
    """Return what a registered program is started as."""
    return Program(
        tenant_id=server.tenant_id,
        server_id=str(server.id),
        command=server.url.removeprefix(STDIO_SCHEME),
        arguments=tuple(server.arguments or ()),
    )


def policy_of(row: McpToolPolicy | None) -> ToolPolicy:
    """Return what was decided about a tool."""
    return AS_SAID if row is None else ToolPolicy.model_validate(row.policy)


def found_server(rows: ServerRows, name: str, *, lock: bool = False) -> McpServer:
    """Return a server's row.

    Args:
        lock: Nobody else changes it before the transaction ends.

    Raises:
        UnknownServerError: When the tenant has no such server.
    """
    server = rows.server(name, lock=lock)
    if server is None:
        raise unknown_server(name, rows.names())
    return server


def unknown_server(name: str, registered: list[str]) -> UnknownServerError:
    """Return the error for a server that is not there, with those that are."""
    there = f"Registered: {_listed(registered)}." if registered else "None is registered yet."
    return UnknownServerError(
        f"There is no MCP server called '{name[:100]}'.{_hint(name, registered)} {there}"
    )


def unknown_tool(server: str, tool: str, offered: list[str]) -> UnknownToolError:
    """Return the error for a tool that is not there, with those that are."""
    there = f"It has: {_listed(offered)}." if offered else "It has none; refresh it to look again."
    return UnknownToolError(
        f"The MCP server '{server}' has no tool '{tool[:128]}'.{_hint(tool, offered)} {there}"
    )


def _param_headers(schema: JsonObject) -> dict[tuple[str, ...], str]:
    return {} if find_invalid_x_mcp_header(schema) else x_mcp_header_map(schema)


def _hint(name: str, names: list[str]) -> str:
    close = get_close_matches(name[:128], names, n=1)
    return f" Did you mean '{close[0]}'?" if close else ""


def _listed(names: list[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
