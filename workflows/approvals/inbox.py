"""The inbox: what people see of what runs wait for."""

import json
from datetime import UTC, datetime

from anyio import to_thread

from activities.approvals.types import Approval, ApprovalStatus, Vote
from foundation.errors import NotFoundError
from security.principal import Principal
from workflows.approvals.desk import Desk
from workflows.approvals.repository import ApprovalRows
from workflows.approvals.rules import READ, may_decide, may_see
from workflows.approvals.schemas import ApprovalInfo, ApprovalPage, VoteInfo
from workflows.approvals.signatures import has_moment, is_signed
from workflows.runs.names import of_instance_id, of_workflow_id
from workflows.runs.pages import PageTokens, page_limit


class Inbox:
    """What waits for people, of all tenants.

    Args:
        key: Verifies what was decided.
    """

    def __init__(self, desk: Desk, tokens: PageTokens, key: bytes) -> None:
        self.desk = desk
        self._tokens = tokens
        self._key = key

    async def list(
        self,
        principal: Principal,
        *,
        status: ApprovalStatus | None = ApprovalStatus.PENDING,
        everybody: bool = False,
        instance_id: str | None = None,
        page_size: int | None = None,
        page_token: str | None = None,
    ) -> ApprovalPage:
        """List what the caller may decide, or with `everybody` all of the tenant.

        Args:
            status: None for whatever became of them.
            instance_id: Only those of this instance.

        Raises:
            ForbiddenError: When the caller may not see what others decide.
            InvalidInputError: When the token belongs to another listing.
        """
        if everybody:
            principal.require(READ)
        who = "" if everybody else principal.subject
        workflow_id = None if instance_id is None else _workflow_id(principal, instance_id)
        scope = f"approvals {principal.tenant_id} {status} {who} {workflow_id}"
        position = self._tokens.open(scope, page_token)
        after = _position(position) if position else None
        limit = page_limit(page_size)

        def read() -> list[Approval]:
            with self.desk.database.session() as session:
                rows = ApprovalRows(session, principal.tenant_id)
                return list(
                    rows.page(
                        status=status,
                        email=None if everybody else principal.email.lower(),
                        roles=principal.roles,
                        workflow_id=workflow_id,
                        after=after,
                        limit=limit + 1,
                    )
                )

        found = await to_thread.run_sync(read)
        following = _spelled(found[limit - 1]) if len(found) > limit else b""
        return ApprovalPage(
            items=[self.shown(each, principal) for each in found[:limit]],
            next_page_token=self._tokens.seal(scope, following),
        )

    async def get(self, principal: Principal, approval_id: str) -> ApprovalInfo:
        """Return one approval.

        Raises:
            NotFoundError: When there is none that the caller may see.
        """
        return self.shown(await self.found(principal, approval_id), principal)

    async def found(self, principal: Principal, approval_id: str) -> Approval:
        """Return what is known of one approval.

        Raises:
            NotFoundError: When there is none that the caller may see.
        """
        found = await self.desk.read(principal.tenant_id, approval_id)
        if found is None or not may_see(found, principal):
            raise NotFoundError(f"There is no approval '{approval_id[:64]}' that you may see.")
        return found

    def shown(self, approval: Approval, principal: Principal) -> ApprovalInfo:
        """Say what this person sees of an approval."""
        run = of_workflow_id(approval.workflow_id)
        return ApprovalInfo(
            id=approval.id,
            instance_id=run[1].instance_id if run else approval.workflow_id,
            execution=approval.execution,
            title=approval.title,
            description=approval.description,
            data=approval.data,
            data_hash=approval.data_hash,
            form=approval.form,
            users=sorted(set(approval.users)),
            roles=sorted(set(approval.roles)),
            quorum=approval.quorum,
            status=approval.status,
            votes=[self._said(approval, vote) for vote in approval.votes],
            opened_at=datetime.fromtimestamp(approval.opened_at, UTC),
            due_at=_moment(approval.due_at),
            closed_at=_moment(approval.closed_at),
            mine=may_decide(approval, principal),
        )

    def _said(self, approval: Approval, vote: Vote) -> VoteInfo:
        verified = is_signed(self._key, approval, vote)
        return VoteInfo(
            by=vote.person.email,
            roles=vote.person.roles,
            approves=vote.approves,
            comment=vote.comment,
            form=vote.form,
            at=datetime.fromtimestamp(vote.at, UTC),
            verified=verified,
            moment_verified=verified and has_moment(vote),
        )


def _workflow_id(principal: Principal, instance_id: str) -> str:
    run = of_instance_id(instance_id)
    # No instance has such an id, and so no approval is of one.
    return "" if run is None else run.workflow_id(principal.tenant_id)


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _spelled(approval: Approval) -> bytes:
    return json.dumps([approval.opened_at, approval.id]).encode()


def _position(position: bytes) -> tuple[datetime, str]:
    opened_at, approval_id = json.loads(position)
    return datetime.fromtimestamp(opened_at, UTC), approval_id
