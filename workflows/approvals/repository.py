"""Rows of one tenant's approvals. Every query begins with the tenant, but that of the sweep."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, and_, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from activities.approvals.types import Approval, ApprovalStatus, Telling
from foundation.taking import clock, take
from workflows.approvals.models import ApprovalLink, ApprovalRow


class ApprovalRows:
    """The table, as one tenant sees it, within one transaction."""

    def __init__(self, session: Session, tenant_id: str) -> None:
        self._session = session
        self._tenant_id = tenant_id

    def put(self, approval: Approval, telling: Telling) -> None:
        """Keep an approval, unless what is there is newer.

        Revisions order what one run says. Of two runs the later one is right, whatever they count:
        one that was reset asks anew, and what was made for the answers before counts no more.
        """
        changing = {
            "revision": approval.revision,
            "status": approval.status.value,
            "users": approval.users,
            "roles": approval.roles,
            "body": approval.model_copy(update={"told_by": telling.run_id}).model_dump_json(),
            "told_by": telling.run_id,
            "told_at": telling.at,
        }
        row = insert(ApprovalRow).values(
            tenant_id=self._tenant_id,
            id=approval.id,
            workflow_id=approval.workflow_id,
            opened_at=datetime.fromtimestamp(approval.opened_at, UTC),
            **changing,
        )
        written = self._session.execute(
            row.on_conflict_do_update(
                index_elements=[ApprovalRow.tenant_id, ApprovalRow.id],
                set_=changing,
                where=_is_older(approval.revision, telling),
            ).returning(ApprovalRow.id)
        )
        if written.one_or_none() is not None:
            self._revoke_links(approval)

    def _revoke_links(self, approval: Approval) -> None:
        """Let no link decide that was made for what a run asked before it was reset."""
        links = update(ApprovalLink).where(
            ApprovalLink.tenant_id == self._tenant_id,
            ApprovalLink.approval_id == approval.id,
            # Those made before this was kept do not say.
            ApprovalLink.asked_by.not_in(("", approval.asked_by)),
            ApprovalLink.revoked_at.is_(None),
            ApprovalLink.used_at.is_(None),
        )
        self._session.execute(
            links.values(revoked_at=clock()).execution_options(synchronize_session=False)
        )

    def close(self, approval: Approval) -> None:
        """Let nobody decide an approval any more, unless a run has told more of it."""
        closed = approval.model_copy(
            update={"status": ApprovalStatus.CANCELLED, "revision": approval.revision + 1}
        )
        self._session.execute(
            update(ApprovalRow)
            .where(
                ApprovalRow.tenant_id == self._tenant_id,
                ApprovalRow.id == approval.id,
                ApprovalRow.revision == approval.revision,
                ApprovalRow.told_by == approval.told_by,
            )
            .values(
                revision=closed.revision,
                status=closed.status.value,
                body=closed.model_dump_json(),
            )
            .execution_options(synchronize_session=False)
        )

    def approval(self, approval_id: str) -> Approval | None:
        """Return one approval."""
        body = self._session.scalar(
            select(ApprovalRow.body).where(
                ApprovalRow.tenant_id == self._tenant_id, ApprovalRow.id == approval_id
            )
        )
        return None if body is None else Approval.model_validate_json(body)

    def page(
        self,
        *,
        status: str | None,
        email: str | None,
        roles: Collection[str],
        workflow_id: str | None,
        after: tuple[datetime, str] | None,
        limit: int,
    ) -> Sequence[Approval]:
        """Return approvals, the newest first.

        Args:
            email: Only those that this person, or somebody of these roles, may decide.
            workflow_id: Only those of this run.
            after: Where the page before ended.
        """
        found = select(ApprovalRow.body).where(ApprovalRow.tenant_id == self._tenant_id)
        if status is not None:
            found = found.where(ApprovalRow.status == status)
        if email is not None:
            found = found.where(
                or_(
                    ApprovalRow.users.contains([email]),
                    ApprovalRow.roles.overlap(sorted(roles)),
                )
            )
        if workflow_id is not None:
            found = found.where(ApprovalRow.workflow_id == workflow_id)
        if after is not None:
            found = found.where(tuple_(ApprovalRow.opened_at, ApprovalRow.id) < after)
        newest = found.order_by(ApprovalRow.opened_at.desc(), ApprovalRow.id.desc())
        bodies = self._session.scalars(newest.limit(limit))
        return [Approval.model_validate_json(body) for body in bodies]


def _is_older(revision: int, telling: Telling) -> ColumnElement[bool]:
    """Say of which rows a run tells something newer."""
    # Those told before this was kept do not say by whom.
    may_be_its_own = ApprovalRow.told_by.in_(("", telling.run_id))
    return or_(
        and_(may_be_its_own, ApprovalRow.revision < revision),
        and_(ApprovalRow.told_by != telling.run_id, ApprovalRow.told_at < telling.at),
    )


def take_unchecked(session: Session, limit: int, older_than_s: float) -> Sequence[Approval]:
    """Take open approvals of all tenants that were not looked after for so long, and note it."""
    taken = take(
        session,
        ApprovalRow,
        and_(
            ApprovalRow.status == ApprovalStatus.PENDING.value,
            ApprovalRow.checked_at < clock() - timedelta(seconds=older_than_s),
        ),
        oldest=ApprovalRow.checked_at,
        limit=limit,
        values={ApprovalRow.checked_at: clock()},
        returning=(ApprovalRow.body,),
    )
    return [Approval.model_validate_json(body) for (body,) in taken]
