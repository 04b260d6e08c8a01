"""What people see of a breaker, and how an administrator decides in its place.

The decision is kept with the registration, so it outlives Redis and every process.
"""

from datetime import UTC, datetime

import structlog
from anyio import to_thread

from foundation.database import Database
from foundation.settings import McpSettings
from toolhub.breaker.types import Breaker, Snapshot, Verdict
from toolhub.directory import Directory, found_server, guarded
from toolhub.models import McpServer
from toolhub.protection import (
    BreakerChange,
    BreakerInfo,
    BreakerMoment,
    Forced,
    forced_of,
    numbers_of,
)
from toolhub.repository import ServerRows

_log = structlog.get_logger(__name__)


class Breakers:
    """The breakers of registered servers."""

    def __init__(
        self, database: Database, directory: Directory, breaker: Breaker, protection: McpSettings
    ) -> None:
        self._database = database
        self._directory = directory
        self._breaker = breaker
        self._protection = protection

    async def get(self, tenant_id: str, name: str) -> BreakerInfo:
        """Return the breaker of a server.

        Raises:
            UnknownServerError: There is none of that name.
        """
        return await self._info(await to_thread.run_sync(self._read, tenant_id, name))

    async def put(
        self, tenant_id: str, name: str, change: BreakerChange, *, by: str
    ) -> BreakerInfo:
        """Decide who decides; what the breaker has found out is forgotten.

        Raises:
            UnknownServerError: There is none of that name.
        """
        forced = Forced(mode=change.mode, reason=change.reason, by=by, at=datetime.now(tz=UTC))
        server = await to_thread.run_sync(self._write, tenant_id, name, forced)
        await self._breaker.reset(guarded(server, self._protection).key)
        _log.warning(
            "mcp_breaker_forced",
            tenant=tenant_id,
            server=name,
            mode=forced.mode,
            reason=forced.reason,
            by=by,
        )
        return await self._info(server)

    async def _info(self, server: McpServer) -> BreakerInfo:
        snapshot = await self._breaker.look(guarded(server, self._protection).key)
        return BreakerInfo(
            server=server.name,
            state=snapshot.state.word,
            forced=forced_of(server.breaker),
            **_counted(snapshot),
            open_for_s=snapshot.left_ms / 1000,
            refused=snapshot.refused,
            moments=[
                BreakerMoment(
                    at=datetime.fromtimestamp(each.at_ms / 1000, tz=UTC), state=each.state.word
                )
                for each in snapshot.moments
            ],
            shared=snapshot.shared,
            numbers=numbers_of(self._protection, server.protection),
        )

    def _read(self, tenant_id: str, name: str) -> McpServer:
        with self._database.session() as session:
            return found_server(ServerRows(session, tenant_id), name)

    def _write(self, tenant_id: str, name: str, forced: Forced) -> McpServer:
        with self._database.session() as session:
            server = found_server(ServerRows(session, tenant_id), name, lock=True)
            server.breaker = forced.model_dump(mode="json")
            # Whoever is changing the registration now must not put the old decision back.
            server.version += 1
            server.updated_at = datetime.now(tz=UTC)
        self._directory.forget(tenant_id, name)
        return server


def _counted(snapshot: Snapshot) -> dict[str, int]:
    last = [Verdict(letter) for letter in snapshot.window]
    return {
        "calls": len(last),
        "failed": sum(each.failed for each in last),
        "slow": sum(each.slow for each in last),
    }
