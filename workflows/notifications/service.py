"""The ledger of notifications in our own database."""

from collections.abc import Sequence

from anyio import to_thread
from typing_extensions import override

from activities.notify.ledger import (
    AlreadySent,
    Claim,
    Granted,
    Ledger,
    Suppressed,
    Undecided,
    Verdict,
)
from foundation.database import Database
from workflows.notifications.models import NotificationClaim
from workflows.notifications.repository import ClaimRows


class StoredLedger(Ledger):
    """Claims that all workers of an installation share."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @override
    async def take(
        self, tenant_id: str, holder: str, claims: Sequence[Claim], lease_s: float
    ) -> Verdict:
        return await to_thread.run_sync(self._take, tenant_id, holder, claims, lease_s)

    @override
    async def settle(self, tenant_id: str, holder: str, claims: Sequence[Claim]) -> None:
        await to_thread.run_sync(self._settle, tenant_id, holder, claims)

    @override
    async def release(self, tenant_id: str, holder: str, claims: Sequence[Claim]) -> None:
        await to_thread.run_sync(self._release, tenant_id, holder, claims)

    def _take(
        self, tenant_id: str, holder: str, claims: Sequence[Claim], lease_s: float
    ) -> Verdict:
        with self._database.session() as session:
            rows = ClaimRows(session, tenant_id)
            rows.lock([claim.key for claim in claims])
            verdict = _verdict(holder, [(claim, rows.live(claim.key)) for claim in claims])
            if isinstance(verdict, Granted):
                for claim in claims:
                    rows.put(claim.key, holder, lease_s, sent=False)
            rows.clear()
            return verdict

    def _settle(self, tenant_id: str, holder: str, claims: Sequence[Claim]) -> None:
        with self._database.session() as session:
            rows = ClaimRows(session, tenant_id)
            rows.lock([claim.key for claim in claims])
            for claim in claims:
                # Put, not changed: the promise may have expired while it was being sent.
                rows.put(claim.key, holder, claim.period_s, sent=True)

    def _release(self, tenant_id: str, holder: str, claims: Sequence[Claim]) -> None:
        with self._database.session() as session:
            rows = ClaimRows(session, tenant_id)
            rows.lock([claim.key for claim in claims])
            rows.remove_unsent([claim.key for claim in claims], holder)


def _verdict(holder: str, found: Sequence[tuple[Claim, Sequence[NotificationClaim]]]) -> Verdict:
    """Decide by what is taken; what is certain goes before what is not."""
    if any(row.sent and row.holder == holder for _, rows in found for row in rows):
        return AlreadySent()
    undecided = False
    for claim, rows in found:
        others = [row for row in rows if row.holder != holder]
        sent = [row for row in others if row.sent]
        if len(sent) >= claim.permits:
            return Suppressed(claim.reason, sent[len(sent) - claim.permits].expires_at)
        undecided = undecided or len(others) >= claim.permits
    return Undecided() if undecided else Granted()
