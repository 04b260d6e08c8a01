"""Servers of a tenant: register, look up, change, remove, and ask again what they offer.

A server is asked for its tools before anything is stored, so that a wrong address or credential is
noticed by the person who typed it. Secrets come in here and never go out.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Final
from uuid import UUID, uuid4

from anyio import to_thread
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from foundation.database import Database
from foundation.pages import NamePage, page_of
from security.egress import EgressRefusedError, check_url
from security.sealing import SealBrokenError
from toolhub.credentials import Credentials
from toolhub.directory import Directory, destination, found_server, unknown_tool
from toolhub.discovery import Discovery, described, discover
from toolhub.errors import (
    CallError,
    RegistrationError,
    ServerChangedError,
    ServerExistsError,
    ServerNotAllowedError,
)
from toolhub.health.repository import begin as begin_checks
from toolhub.importing.origin import Origin
from toolhub.logins.finding import Finding
from toolhub.metrics import Metrics
from toolhub.models import McpServer
from toolhub.pinning.repository import ToolRows
from toolhub.pinning.taking import take_over
from toolhub.refreshing.plan import DueRefresh, Refreshes
from toolhub.repository import ServerRows
from toolhub.schemas import (
    Dialect,
    PersonCredential,
    ServerChange,
    ServerInfo,
    ServerPage,
    ServerRegistration,
    ServerStatus,
    ToolDefinition,
    ToolInfo,
    ToolPage,
)
from toolhub.stdio_servers import check_program
from toolhub.views import server_info, tool_info
from toolhub.wire.exchange import Wire
from toolhub.wire.stdio.commands import Commands

_PATHS: Final = {Dialect.MCP: "", Dialect.SEED_HTTP: "/mcp/tools/call", Dialect.STDIO: ""}


class Registry:
    """The registered servers.

    Args:
        directory: Told when what it keeps in memory has changed.
        wires: The adapter of each dialect, to ask for tools.
        refreshes: Told when a server is to be asked again.
        finding: Completes credentials with what servers say.
        metrics: Told how that went.
        programs: Which programs may be registered.
    """

    def __init__(
        self,
        database: Database,
        credentials: Credentials,
        directory: Directory,
        wires: Mapping[Dialect, Wire],
        refreshes: Refreshes,
        *,
        finding: Finding,
        metrics: Metrics,
        programs: Commands,
    ) -> None:
        self._finding = finding
        self._metrics = metrics
        self._database = database
        self._credentials = credentials
        self._directory = directory
        self._wires = wires
        self._refreshes = refreshes
        self._programs = programs

    async def register(
        self,
        tenant_id: str,
        given: ServerRegistration,
        *,
        may_programs: bool = False,
        origin: Origin | None = None,
    ) -> ServerInfo:
        """Register a server.

        Args:
            tenant_id: Whose server it is.
            given: The server.
            may_programs: Whoever registers it may register programs.
            origin: The document that it comes from.

        Raises:
            ProgramsForbiddenError: It is a program, and that is not for everybody.
            ServerExistsError: The name is taken.
            ServerNotAllowedError: Its address is not one we send requests to.
            RegistrationError: The parts do not fit together.
            CallError: It does not answer as it should; nothing was stored.
        """
        server = self._new(tenant_id, given, may_programs=may_programs)
        server.imported = origin.model_dump() if origin else None
        await to_thread.run_sync(self._refuse_taken, server)
        await self._finding.settle(server, given.credential, ask=given.discover)
        ask = given.discover and not isinstance(given.credential, PersonCredential)
        found = await self._look(server, ask=ask, tools=given.tools)
        return await to_thread.run_sync(self._insert, server, found)

    async def update(
        self,
        tenant_id: str,
        name: str,
        change: ServerChange,
        *,
        etag: str | None = None,
        may_programs: bool = False,
        origin: Origin | None = None,
    ) -> ServerInfo:
        """Change a server; what the change leaves out stays.

        Args:
            tenant_id: Whose server it is.
            name: Its name, which never changes.
            change: What to change.
            etag: What the caller saw last; None changes it however it is now.
            may_programs: Whoever changes it may register programs.
            origin: The document that it comes from now.

        Raises:
            UnknownServerError: There is none of that name.
            ServerChangedError: It is not, or no longer, what the caller saw, or somebody else has
                asked it meanwhile.
            ProgramsForbiddenError: It would be another program, and that is not for everybody.
            RegistrationError: A new address came without the credential.
            CallError: It does not answer at the new address; nothing was changed.
        """
        server = await to_thread.run_sync(self._read, tenant_id, name)
        if etag not in (None, "*", server_info(server, 0).etag):
            raise _changed(name)
        ask = self._apply(server, change, may_programs=may_programs)
        if origin is not None:
            server.imported, ask = origin.model_dump(), True
        ask = ask and change.discover and not isinstance(change.credential, PersonCredential)
        await self._finding.settle(server, change.credential, ask=change.discover)
        turn = await to_thread.run_sync(self._begin, server) if ask else None
        found = await self._look(server, ask=ask, tools=change.tools)
        return await to_thread.run_sync(partial(self._write, server, found, turn=turn))

    async def refresh(self, tenant_id: str, name: str) -> ServerInfo:
        """Ask a server again for its tools.

        Raises:
            UnknownServerError: There is none of that name.
            RegistrationError: Its dialect cannot list tools.
            ServerChangedError: Somebody else has changed it meanwhile, or asked it, too.
            CallError: It does not answer as it should; the tools stay what they were.
            SealBrokenError: Its credential does not open here.
        """
        server = await to_thread.run_sync(self._read, tenant_id, name)
        if not Dialect(server.dialect).speaks_mcp:
            raise RegistrationError(
                f"The MCP server '{name}' speaks '{server.dialect}', which cannot list tools. "
                "Change 'tools' instead."
            )
        return await self._again(server, await to_thread.run_sync(self._begin, server))

    async def renew(self, due: DueRefresh) -> None:
        """Ask a server again because it is time; nobody's ETag is outdated by it.

        Raises:
            UnknownServerError: It was removed meanwhile.
            ServerChangedError: Somebody changes it at this moment, or asks it, too.
            CallError: It does not answer as it should; the tools stay what they were.
        """
        server = await to_thread.run_sync(self._read, due.tenant_id, due.server)
        await self._again(server, due.turn, quietly=True)

    async def _again(self, server: McpServer, turn: UUID, *, quietly: bool = False) -> ServerInfo:
        write = partial(self._write, turn=turn, quietly=quietly)
        try:
            with self._metrics.refreshing(server.tenant_id, server.name):
                found = await self._look(server, ask=True, tools=None)
        except (CallError, SealBrokenError):
            server.status = ServerStatus.FAILING
            await to_thread.run_sync(write, server, None)
            raise
        return await to_thread.run_sync(write, server, found)

    def delete(self, tenant_id: str, name: str) -> None:
        """Remove a server, its tools and its credential.

        Raises:
            UnknownServerError: There is none of that name.
        """
        with self._database.session() as session:
            rows = ServerRows(session, tenant_id)
            rows.remove(found_server(rows, name, lock=True))
        self._directory.forget(tenant_id, name)

    def get(self, tenant_id: str, name: str) -> ServerInfo:
        """Return a server.

        Raises:
            UnknownServerError: There is none of that name.
        """
        with self._database.session() as session:
            rows = ServerRows(session, tenant_id)
            server = found_server(rows, name)
            return server_info(server, rows.tool_counts([server.id]).get(server.id, 0))

    def find(self, tenant_id: str, name: str) -> ServerInfo | None:
        """Return a server, if there is one of that name."""
        with self._database.session() as session:
            rows = ServerRows(session, tenant_id)
            server = rows.server(name)
            if server is None:
                return None
            return server_info(server, rows.tool_counts([server.id]).get(server.id, 0))

    def credential_headers(self, tenant_id: str, name: str) -> Mapping[str, str]:
        """Open the credential of a server: for comparing, never for showing.

        Raises:
            UnknownServerError: There is none of that name.
        """
        return self._credentials.open(self._read(tenant_id, name)).headers

    def list_servers(
        self, tenant_id: str, *, page_size: int | None = None, page_token: str | None = None
    ) -> ServerPage:
        """Return servers in the order of their names.

        Raises:
            InvalidInputError: The page token is none of this list.
        """
        page = NamePage.of(page_size, page_token, parts=1)
        with self._database.session() as session:
            rows = ServerRows(session, tenant_id)
            servers, token = page_of(
                rows.servers(page.after[0], page.limit + 1), page, lambda server: (server.name,)
            )
            counts = rows.tool_counts([server.id for server in servers])
            items = [server_info(server, counts.get(server.id, 0)) for server in servers]
        return ServerPage(items=items, next_page_token=token)

    def get_tool(self, tenant_id: str, server_name: str, tool_name: str) -> ToolInfo:
        """Return a tool.

        Raises:
            UnknownServerError: There is no such server.
            UnknownToolError: The server has no such tool.
        """
        with self._database.session() as session:
            rows = ServerRows(session, tenant_id)
            server = found_server(rows, server_name)
            tool = rows.tool(server.id, tool_name)
            if tool is None:
                raise unknown_tool(server_name, tool_name, rows.tool_names(server.id))
            return tool_info(server_name, tool)

    def find_tools(
        self,
        tenant_id: str,
        *,
        text: str | None = None,
        server: str | None = None,
        callable_only: bool = False,
        page_size: int | None = None,
        page_token: str | None = None,
    ) -> ToolPage:
        """Return tools in the order of server and name.

        Args:
            tenant_id: Whose tools.
            text: Only those with this in their name or description.
            server: Only those of this server.
            callable_only: Only those that are not in quarantine, and whose schema can be used.
            page_size: The most to return; 200 at most.
            page_token: Where the page before ended.

        Raises:
            UnknownServerError: There is no server of that name.
            InvalidInputError: The page token is none of this list.
        """
        page = NamePage.of(page_size, page_token, parts=2)
        with self._database.session() as session:
            rows = ServerRows(session, tenant_id)
            if server is not None:
                found_server(rows, server)
            found = rows.tools(
                text=text,
                server=server,
                callable_only=callable_only,
                after=page.after,
                limit=page.limit + 1,
            )
            tools, token = page_of(found, page, lambda row: (row[0], row[1].name))
            items = [tool_info(name, tool) for name, tool in tools]
        return ToolPage(items=items, next_page_token=token)

    def _new(self, tenant_id: str, given: ServerRegistration, *, may_programs: bool) -> McpServer:
        if (given.dialect is Dialect.SEED_HTTP) != bool(given.tools):
            raise _misplaced_tools(given.dialect)
        now = datetime.now(tz=UTC)
        server = McpServer(
            tenant_id=tenant_id,
            id=uuid4(),
            name=given.name,
            dialect=given.dialect,
            url=given.url,
            path=_PATHS[given.dialect] if given.path is None else given.path,
            arguments=given.arguments or None,
            headers=given.headers or None,
            timeout_s=given.timeout_s,
            protection=given.protection.model_dump(exclude_unset=True) or None,
            pinning=given.pinning,
            status=ServerStatus.UNDISCOVERED,
            version=1,
            created_at=now,
            updated_at=now,
        )
        self._credentials.attach(server, given.credential)
        self._check(server, may_programs=may_programs)
        self._check_headers(server)
        return server

    def _check(self, server: McpServer, *, may_programs: bool) -> None:
        """Check where requests to a new or moved server go."""
        if server.dialect == Dialect.STDIO:
            check_program(self._programs, server, allowed=may_programs)
        elif server.arguments:
            raise RegistrationError(
                f"A server that speaks '{server.dialect}' is no program: leave 'arguments' out."
            )
        else:
            _check_endpoint(server)

    def _check_headers(self, server: McpServer) -> None:
        """Check that plain headers have somewhere to go, and are none of the credential."""
        if server.headers and server.dialect == Dialect.STDIO:
            raise RegistrationError("A program gets no headers: leave 'headers' out.")
        plain = [name.lower() for name in server.headers or {}]
        secret = [name.lower() for name in self._credentials.open(server).headers]
        twice = {name for name in (*plain, *secret) if (*plain, *secret).count(name) > 1}
        if twice:
            raise RegistrationError(
                f"A header is sent once, and {', '.join(sorted(twice))} would be sent twice: "
                "'headers' and 'credential' both name it, or name it in two spellings."
            )

    def _apply(self, server: McpServer, change: ServerChange, *, may_programs: bool) -> bool:
        """Change a server's fields; return whether it has to be asked for its tools again."""
        dialect = Dialect(server.dialect)
        if change.tools is not None and dialect.speaks_mcp:
            raise _misplaced_tools(dialect)
        before = (server.endpoint, server.arguments or [])
        server.url = server.url if change.url is None else change.url
        server.path = server.path if change.path is None else change.path
        if change.arguments is not None:
            server.arguments = change.arguments or None
        headers = server.headers
        if change.headers is not None:
            server.headers = change.headers or None
        server.timeout_s = server.timeout_s if change.timeout_s is None else change.timeout_s
        if change.protection is not None:
            server.protection = change.protection.model_dump(exclude_unset=True) or None
        server.pinning = server.pinning if change.pinning is None else change.pinning
        moved = (server.endpoint, server.arguments or []) != before
        if moved and change.credential is None and server.credential_kind != "none":
            raise RegistrationError(
                f"The MCP server '{server.name}' gets a new address, so send its credential again: "
                "a stored one never goes to another address."
            )
        if change.credential is not None:
            self._credentials.attach(server, change.credential)
        asked_otherwise = change.credential is not None or server.headers != headers
        if moved or (change.credential is not None and dialect is Dialect.STDIO):
            self._check(server, may_programs=may_programs)
        if asked_otherwise:
            self._check_headers(server)
        return moved or asked_otherwise

    async def _look(
        self, server: McpServer, *, ask: bool, tools: list[ToolDefinition] | None
    ) -> Discovery | None:
        """Find out which tools a server has; None leaves them as they are."""
        if server.dialect == Dialect.SEED_HTTP:
            return None if tools is None else Discovery(None, described(tools))
        if not ask:
            return None
        opened = self._credentials.open(server)
        # What is tried is this credential, whatever is stored.
        tried = replace(opened, registered=replace(opened.registered, stored=False))
        # Without the version: the server may have learned another one.
        to = replace(destination(server, tried), version=None)
        return await discover(self._wires[Dialect(server.dialect)], to)

    def _refuse_taken(self, server: McpServer) -> None:
        with self._database.session() as session:
            if ServerRows(session, server.tenant_id).server(server.name) is not None:
                raise _taken(server.name)

    def _insert(self, server: McpServer, found: Discovery | None) -> ServerInfo:
        try:
            with self._database.session() as session:
                ServerRows(session, server.tenant_id).add(server)
                if found is not None:
                    self._fill(session, server, found)
        except IntegrityError as error:
            raise _taken(server.name) from error
        return server_info(server, len(found.tools) if found else 0)

    def _read(self, tenant_id: str, name: str) -> McpServer:
        """Return a server's row, cut loose from the database."""
        with self._database.session() as session:
            return found_server(ServerRows(session, tenant_id), name)

    def _begin(self, server: McpServer) -> UUID:
        """Begin to ask a server: who does already must not write any more."""
        with self._database.session() as session:
            return self._refreshes.begin(session, server)

    def _write(
        self,
        server: McpServer,
        found: Discovery | None,
        *,
        turn: UUID | None = None,
        quietly: bool = False,
    ) -> ServerInfo:
        """Store a changed row, unless somebody else has changed it since it was read.

        Args:
            server: The row.
            found: What it answered, if it did.
            turn: Of asking it; None when it was not asked.
            quietly: Nobody has changed it.
        """
        with self._database.session() as session:
            rows = ServerRows(session, server.tenant_id)
            current = found_server(rows, server.name, lock=True)
            if (current.id, current.version) != (server.id, server.version):
                raise _changed(server.name)
            if turn is not None and not self._refreshes.may_write(session, current, turn):
                raise _overtaken(server.name)
            if not quietly:
                server.version += 1
                server.updated_at = datetime.now(tz=UTC)
            if found is not None:
                self._fill(session, server, found)
            session.merge(server)
            session.flush()
            count = rows.tool_counts([server.id]).get(server.id, 0)
        self._directory.forget(server.tenant_id, server.name)
        return server_info(server, count)

    def _fill(self, session: Session, server: McpServer, found: Discovery) -> None:
        """Note in a server's row what was found, and take its tools over."""
        now, first = datetime.now(tz=UTC), server.discovered_at is None
        server.protocol = found.protocol
        server.status = ServerStatus.READY
        server.discovered_at = now
        take_over(ToolRows(session, server.tenant_id), server, found.tools, now, first=first)
        if Dialect(server.dialect).speaks_mcp:
            self._refreshes.plan(session, server, found.ttl)
            begin_checks(session, server)


def _check_endpoint(server: McpServer) -> None:
    try:
        check_url(server.endpoint)
    except EgressRefusedError as error:
        raise ServerNotAllowedError(
            f"The MCP server '{server.name}' cannot have this address: {error}"
        ) from error


def _misplaced_tools(dialect: Dialect) -> RegistrationError:
    if dialect is Dialect.SEED_HTTP:
        return RegistrationError(
            f"A server that speaks '{dialect}' cannot list its tools: describe them in 'tools'."
        )
    return RegistrationError(
        f"A server that speaks '{dialect}' lists its tools itself: leave 'tools' out."
    )


def _taken(name: str) -> ServerExistsError:
    return ServerExistsError(
        f"There is an MCP server called '{name}' already. Change it with PATCH, or choose another "
        "name."
    )


def _changed(name: str) -> ServerChangedError:
    return ServerChangedError(
        f"The MCP server '{name}' was changed by somebody else meanwhile. Read it again, then "
        "decide whether your change still holds."
    )


def _overtaken(name: str) -> ServerChangedError:
    return ServerChangedError(
        f"The MCP server '{name}' was asked for its tools by somebody else meanwhile, and what "
        "that finds is newer. Read it again."
    )
