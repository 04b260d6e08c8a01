"""Checking servers, and what came of it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import structlog
from anyio import to_thread

from foundation.database import Database
from foundation.pages import NamePage, page_of
from foundation.settings import McpSettings, ToolhubSettings
from security.sealing import SealBrokenError
from toolhub.breaker.types import Breaker
from toolhub.credentials import Credentials
from toolhub.directory import destination, found_server, guarded
from toolhub.errors import RegistrationError
from toolhub.health.models import McpCheck
from toolhub.health.probing import TIMEOUT_S, Found, probe
from toolhub.health.repository import checks, quarantined, record, taken
from toolhub.health.schemas import HealthInfo, HealthPage
from toolhub.models import McpServer
from toolhub.protection import forced_of
from toolhub.repository import ServerRows
from toolhub.schemas import Dialect, ServerStatus
from toolhub.sweeping import Due
from toolhub.wire.exchange import Wire

# However often they are checked, whoever has taken one is given the time to.
_TAKEN: Final = timedelta(seconds=TIMEOUT_S * 2)

_log = structlog.get_logger(__name__)


class Health:
    """The health of registered servers."""

    def __init__(
        self,
        database: Database,
        credentials: Credentials,
        wires: Mapping[Dialect, Wire],
        *,
        breaker: Breaker,
        protection: McpSettings,
        settings: ToolhubSettings,
    ) -> None:
        self._database = database
        self._credentials = credentials
        self._wires = wires
        self._breaker = breaker
        self._protection = protection
        self._every = timedelta(seconds=settings.check_every_s)

    def take(self) -> Due | None:
        """Take a server that is to be checked. Sync; call it from a thread."""
        with self._database.session() as session:
            return taken(session, max(self._every, _TAKEN))

    async def check_due(self, due: Due) -> HealthInfo:
        """Check a server that was taken.

        Raises:
            MillwrightError: As `check`.
        """
        return await self.check(due.tenant_id, due.server)

    async def check(self, tenant_id: str, name: str) -> HealthInfo:
        """Ask a server now whether it is there, and remember the answer.

        Raises:
            UnknownServerError: There is none of that name.
            RegistrationError: Its dialect has no question that runs no tool.
        """
        server = await to_thread.run_sync(self._read, tenant_id, name)
        if not Dialect(server.dialect).speaks_mcp:
            raise RegistrationError(
                f"The MCP server '{name}' speaks '{server.dialect}', which answers to calls of "
                "tools only. Its breaker says how they went."
            )
        found = await self._ask(server)
        await to_thread.run_sync(self._record, server, found)
        (info,) = await self._infos([server])
        return info

    async def _ask(self, server: McpServer) -> Found:
        try:
            opened = self._credentials.open(server)
        except SealBrokenError as error:
            # No call gets through to it from here.
            return Found(None, error.code, error.message)
        return await probe(self._wires[Dialect(server.dialect)], destination(server, opened))

    async def overview(
        self, tenant_id: str, *, page_size: int | None = None, page_token: str | None = None
    ) -> HealthPage:
        """Return how servers are, in the order of their names.

        Raises:
            InvalidInputError: The page token is none of this list.
        """
        page = NamePage.of(page_size, page_token, parts=1)
        rows = await to_thread.run_sync(self._page, tenant_id, page)
        servers, token = page_of(rows, page, lambda server: (server.name,))
        return HealthPage(items=await self._infos([*servers]), next_page_token=token)

    async def _infos(self, servers: list[McpServer]) -> list[HealthInfo]:
        known, waiting = await to_thread.run_sync(self._known, servers)
        infos = []
        for server in servers:
            snapshot = await self._breaker.look(guarded(server, self._protection).key)
            infos.append(
                HealthInfo(
                    server=server.name,
                    dialect=Dialect(server.dialect),
                    status=ServerStatus(server.status),
                    **_seen(known.get(server.id)),
                    breaker=snapshot.state.word,
                    breaker_mode=forced_of(server.breaker).mode,
                    quarantined=waiting.get(server.id, 0),
                )
            )
        return infos

    def _read(self, tenant_id: str, name: str) -> McpServer:
        with self._database.session() as session:
            return found_server(ServerRows(session, tenant_id), name)

    def _record(self, server: McpServer, found: Found) -> None:
        with self._database.session() as session:
            # Held, so that it is not removed under our hands.
            current = found_server(ServerRows(session, server.tenant_id), server.name, lock=True)
            was = record(session, current, found, self._every)
        healthy = found.error is None
        if healthy is not was:
            tell = _log.info if healthy else _log.warning
            tell(
                "mcp_server_health_changed",
                tenant=server.tenant_id,
                server=server.name,
                healthy=healthy,
                error=found.error,
            )

    def _page(self, tenant_id: str, page: NamePage) -> list[McpServer]:
        with self._database.session() as session:
            return ServerRows(session, tenant_id).servers(page.after[0], page.limit + 1)

    def _known(self, servers: list[McpServer]) -> tuple[dict[UUID, McpCheck], dict[UUID, int]]:
        if not servers:
            return {}, {}
        tenant_id, ids = servers[0].tenant_id, [server.id for server in servers]
        with self._database.session() as session:
            return checks(session, tenant_id, ids), quarantined(session, tenant_id, ids)


def _seen(check: McpCheck | None) -> dict[str, Any]:
    return {name: getattr(check, name, None) for name in _FIELDS}


_FIELDS: Final = ("healthy", "checked_at", "latency_ms", "error", "problem")
