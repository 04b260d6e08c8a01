"""The rules of tenants for the ways out: kept for a short while, so that calls wait for no query.

A change made in this process holds at once; one of another process within `KEPT_S`.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Final
from weakref import WeakValueDictionary

import anyio
import structlog
from anyio import to_thread
from cachetools import LRUCache

from foundation.database import Database
from foundation.errors import UnavailableError
from security.egress.errors import EgressUnknownError
from security.egress.models import EgressRules
from security.egress.rules import Rules, read_rules

_log = structlog.get_logger(__name__)

KEPT_S: Final = 10.0
# While the database is away nobody can change rules either: those known go on holding so long.
WITHOUT_DATABASE_S: Final = 60.0
# A request waits so long for them, and after a failure nobody asks again for a while.
_WAITS_S: Final = 2.0
_AGAIN_S: Final = 2.0
_KEPT_TENANTS: Final = 10_000
_CHANGE: Final = (
    "Whoever has the permission 'egress:manage' can change that: 'millwright egress' or "
    "PUT /api/v1/tenant/egress."
)


@dataclass(frozen=True)
class _Known:
    rules: Rules | None
    since: float


class StoredRules:
    """The rules as they are in the database, for one event loop.

    Args:
        clock: Seconds, from anywhere.
    """

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._known: LRUCache[str, _Known] = LRUCache(_KEPT_TENANTS)
        self._lock = Lock()  # services in threads forget what the event loop looks up
        self._forgotten = 0
        self._away_until = 0.0
        self._loading: WeakValueDictionary[str, anyio.Lock] = WeakValueDictionary()

    async def of(self, tenant_id: str) -> Rules | None:
        """Return the rules of a tenant; None when it has none.

        Raises:
            EgressUnknownError: They cannot be read, and nobody knows what they are.
        """
        if known := self._fresh(tenant_id):
            return known.rules
        loading = self._loading.setdefault(tenant_id, anyio.Lock())
        async with loading:  # of many requests that miss at once, one asks
            if known := self._fresh(tenant_id):
                return known.rules
            if self._clock() < self._away_until:
                return self._without_database(tenant_id, "The database was away just now.")
            with anyio.move_on_after(_WAITS_S):
                return await to_thread.run_sync(self._load, tenant_id, abandon_on_cancel=True)
            self._away_until = self._clock() + _AGAIN_S
            return self._without_database(tenant_id, "The database does not answer in time.")

    def forget(self, tenant_id: str) -> None:
        """Look a tenant's rules up again at its next request."""
        with self._lock:
            self._forgotten += 1
            self._known.pop(tenant_id, None)

    def _fresh(self, tenant_id: str) -> _Known | None:
        with self._lock:
            known = self._known.get(tenant_id)
        return known if known and self._clock() - known.since < KEPT_S else None

    def _load(self, tenant_id: str) -> Rules | None:
        since, forgotten = self._clock(), self._forgotten
        try:
            with self._database.session() as session:
                rules = _rules(session.get(EgressRules, tenant_id))
        except UnavailableError as error:
            self._away_until = self._clock() + _AGAIN_S
            return self._without_database(tenant_id, error.message)
        with self._lock:
            if self._forgotten == forgotten:  # else what was read may be what has changed
                self._known[tenant_id] = _Known(rules, since)
        return rules

    def _without_database(self, tenant_id: str, why: str) -> Rules | None:
        """Return what is known, if that is not too long ago."""
        with self._lock:
            known = self._known.get(tenant_id)
        if known is None or self._clock() - known.since >= WITHOUT_DATABASE_S:
            raise EgressUnknownError(
                "Nothing was sent, because it cannot be read now where this tenant's requests may "
                f"go. {why}"
            )
        _log.warning("egress_rules_not_read", tenant=tenant_id, why=why)
        return known.rules


def _rules(row: EgressRules | None) -> Rules | None:
    if row is None:
        return None
    return Rules(
        whose="this tenant", change=_CHANGE, allow=read_rules(row.allow), deny=read_rules(row.deny)
    )
