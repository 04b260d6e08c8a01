"""What runs have said of their approvals, kept in our own database."""

from collections.abc import Sequence

from anyio import to_thread

from activities.approvals.types import Approval, ApprovalStatus, Telling
from foundation.database import Database
from workflows.approvals.repository import ApprovalRows, take_unchecked


class Desk:
    """All that is kept of approvals, of all tenants; nothing here decides."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def show(self, approval: Approval, telling: Telling) -> None:
        """Keep what a run says of an approval, unless something newer is there."""

        def write() -> None:
            with self.database.session() as session:
                ApprovalRows(session, approval.tenant_id).put(approval, telling)

        await to_thread.run_sync(write)

    async def read(self, tenant_id: str, approval_id: str) -> Approval | None:
        """Return an approval as its run told it last."""

        def read() -> Approval | None:
            with self.database.session() as session:
                return ApprovalRows(session, tenant_id).approval(approval_id)

        return await to_thread.run_sync(read)

    async def close(self, approval: Approval) -> None:
        """Take out of the inbox what nobody waits for any more: its run was stopped at once.

        Only as it was read: a run that was reset may have asked it anew since.
        """
        if approval.status is not ApprovalStatus.PENDING:
            return

        def write() -> None:
            with self.database.session() as session:
                ApprovalRows(session, approval.tenant_id).close(approval)

        await to_thread.run_sync(write)

    async def unchecked(self, limit: int, older_than_s: float) -> Sequence[Approval]:
        """Take some that nobody has looked after for so long; others get others."""

        def take() -> Sequence[Approval]:
            with self.database.session() as session:
                return take_unchecked(session, limit, older_than_s)

        return await to_thread.run_sync(take)
