"""The inbox, and the way of a decision to the run that waits."""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final

from anyio import to_thread
from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.client import WorkflowUpdateRPCTimeoutOrCancelledError as NoAnswer
from temporalio.exceptions import ApplicationError

from activities.approvals.types import Approval, ApprovalStatus, Person, Vote
from foundation.database import Database
from foundation.errors import (
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    MillwrightError,
    NotFoundError,
    UnavailableError,
)
from foundation.json import JsonValue
from security.principal import Principal
from workflows.approvals.repository import ApprovalRows
from workflows.approvals.schemas import ApprovalInfo, ApprovalPage, VoteInfo
from workflows.approvals.signatures import is_signed, signature
from workflows.interpreter.types import DECIDE_UPDATE, NOT_OPEN, Decision, Refusal
from workflows.runs.names import of_workflow_id
from workflows.runs.pages import PageTokens, page_limit
from workflows.runs.rpc import translated

READ: Final = "approval:read"
UPDATE_TIMEOUT: Final = timedelta(seconds=10)
# A run that goes on as a new one opens its approvals again within this time.
REOPENS_S: Final = 5.0
AGAIN_S: Final = 0.2
# What the run has taken is shown a moment later.
SHOWN_S: Final = 3.0

_REFUSALS: Final[dict[str, Callable[[str], MillwrightError]]] = {
    Refusal.FORBIDDEN: ForbiddenError,
    Refusal.CONFLICT: ConflictError,
    Refusal.INVALID: InvalidInputError,
}


class Approvals:
    """What waits for people, of all tenants. One per process.

    Args:
        key: Signs decisions.
    """

    def __init__(self, database: Database, client: Client, tokens: PageTokens, key: bytes) -> None:
        self._database = database
        self._client = client
        self._tokens = tokens
        self._key = key

    async def list(
        self,
        principal: Principal,
        *,
        status: ApprovalStatus | None = ApprovalStatus.PENDING,
        everybody: bool = False,
        page_size: int | None = None,
        page_token: str | None = None,
    ) -> ApprovalPage:
        """List what the caller may decide, or with `everybody` all of the tenant.

        Raises:
            ForbiddenError: When the caller may not see what others decide.
            InvalidInputError: When the token belongs to another listing.
        """
        if everybody:
            principal.require(READ)
        who = "" if everybody else principal.subject
        scope = f"approvals {principal.tenant_id} {status} {who}"
        position = self._tokens.open(scope, page_token)
        after = _position(position) if position else None
        limit = page_limit(page_size)

        def read() -> list[Approval]:
            with self._database.session() as session:
                rows = ApprovalRows(session, principal.tenant_id)
                return list(
                    rows.page(
                        status=status,
                        email=None if everybody else principal.email.lower(),
                        roles=principal.roles,
                        after=after,
                        limit=limit + 1,
                    )
                )

        found = await to_thread.run_sync(read)
        following = _spelled(found[limit - 1]) if len(found) > limit else b""
        return ApprovalPage(
            items=[self._info(each, principal) for each in found[:limit]],
            next_page_token=self._tokens.seal(scope, following),
        )

    async def get(self, principal: Principal, approval_id: str) -> ApprovalInfo:
        """Return one approval.

        Raises:
            NotFoundError: When there is none that the caller may see.
        """
        return self._info(await self._found(principal, approval_id), principal)

    async def decide(
        self,
        principal: Principal,
        approval_id: str,
        *,
        approves: bool,
        data_hash: str,
        form: JsonValue = None,
        comment: str | None = None,
    ) -> ApprovalInfo:
        """Approve or reject. Saying the same again changes nothing.

        Args:
            data_hash: Of the data that the person has seen.
            form: What the person filled in.

        Raises:
            NotFoundError: When there is none that the caller may see.
            ForbiddenError: When the caller is none of those who may decide.
            ConflictError: When it is decided, or the data is not what was seen.
            InvalidInputError: When the form is not filled in rightly.
            UnavailableError: When the run cannot be reached; try again.
        """
        approval = await self._found(principal, approval_id)
        vote = Vote(
            person=_person(principal),
            approves=approves,
            data_hash=data_hash,
            form=form,
            comment=comment,
        )
        vote = vote.model_copy(update={"signature": signature(self._key, approval, vote)})
        if any(each.signature == vote.signature for each in approval.votes):
            return self._info(approval, principal)
        return await self._told(principal, approval, Decision(approval=approval.id, vote=vote))

    async def delegate(self, principal: Principal, approval_id: str, to: str) -> ApprovalInfo:
        """Hand an approval on to another person.

        Raises:
            NotFoundError: When there is none that the caller may see.
            ForbiddenError: When the caller is none of those who may decide.
            ConflictError: When it is decided.
            InvalidInputError: When that is no mail address.
            UnavailableError: When the run cannot be reached; try again.
        """
        approval = await self._found(principal, approval_id)
        decision = Decision(approval=approval.id, person=_person(principal), to=to)
        return await self._told(principal, approval, decision)

    async def show(self, approval: Approval) -> None:
        """Keep what a run says of an approval."""

        def write() -> None:
            with self._database.session() as session:
                ApprovalRows(session, approval.tenant_id).put(approval)

        await to_thread.run_sync(write)

    async def _found(self, principal: Principal, approval_id: str) -> Approval:
        found = await self._read(principal.tenant_id, approval_id)
        if found is None or not (_is_candidate(found, principal) or _may_see(found, principal)):
            raise NotFoundError(f"There is no approval '{approval_id[:64]}' that you may see.")
        return found

    async def _read(self, tenant_id: str, approval_id: str) -> Approval | None:
        def read() -> Approval | None:
            with self._database.session() as session:
                return ApprovalRows(session, tenant_id).approval(approval_id)

        return await to_thread.run_sync(read)

    async def _told(
        self, principal: Principal, approval: Approval, decision: Decision
    ) -> ApprovalInfo:
        """Tell the run, and wait until the inbox shows it."""
        until = asyncio.get_running_loop().time() + REOPENS_S
        while not await self._taken(approval, decision):
            if asyncio.get_running_loop().time() > until:
                raise UnavailableError("The run does not take the decision now. Try again.")
            await asyncio.sleep(AGAIN_S)
        until = asyncio.get_running_loop().time() + SHOWN_S
        while True:
            now = await self._read(approval.tenant_id, approval.id) or approval
            if now.revision > approval.revision or asyncio.get_running_loop().time() > until:
                return self._info(now, principal)
            await asyncio.sleep(AGAIN_S / 4)

    async def _taken(self, approval: Approval, decision: Decision) -> bool:
        """Ask the run to take a decision; False when its approval is not open at the moment.

        Raises:
            MillwrightError: When it refuses.
        """
        handle = self._client.get_workflow_handle(approval.workflow_id)
        over = ConflictError(f"The instance that waited for '{approval.title}' has ended.")
        try:
            with translated(lambda: over):
                await handle.execute_update(DECIDE_UPDATE, decision, rpc_timeout=UPDATE_TIMEOUT)
        except NoAnswer:
            raise UnavailableError(
                "No worker answered in time. The decision may still be taken: look again."
            ) from None
        except WorkflowUpdateFailedError as failed:
            cause = failed.cause
            kind = cause.type if isinstance(cause, ApplicationError) else None
            if kind == NOT_OPEN and approval.status is ApprovalStatus.PENDING:
                return False
            said = cause.message if isinstance(cause, ApplicationError) else str(cause)
            raise _REFUSALS.get(kind or "", ConflictError)(said) from None
        except ConflictError:
            await self._close(approval)
            raise
        return True

    async def _close(self, approval: Approval) -> None:
        """Take out of the inbox what nobody waits for any more: its run was terminated."""
        if approval.status is ApprovalStatus.PENDING:
            changes = {"status": ApprovalStatus.CANCELLED, "revision": approval.revision + 1}
            with suppress(UnavailableError):
                await self.show(approval.model_copy(update=changes))

    def _info(self, approval: Approval, principal: Principal) -> ApprovalInfo:
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
            votes=[
                VoteInfo(
                    by=vote.person.email,
                    approves=vote.approves,
                    comment=vote.comment,
                    form=vote.form,
                    at=datetime.fromtimestamp(vote.at, UTC),
                    verified=is_signed(self._key, approval, vote),
                )
                for vote in approval.votes
            ],
            opened_at=datetime.fromtimestamp(approval.opened_at, UTC),
            due_at=_moment(approval.due_at),
            closed_at=_moment(approval.closed_at),
            mine=(
                approval.status is ApprovalStatus.PENDING
                and _is_candidate(approval, principal)
                and principal.subject not in approval.excluded
                and all(vote.person.id != principal.subject for vote in approval.votes)
            ),
        )


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _person(principal: Principal) -> Person:
    return Person(
        id=principal.subject, email=principal.email.lower(), roles=sorted(principal.roles)
    )


def _is_candidate(approval: Approval, principal: Principal) -> bool:
    return principal.email.lower() in approval.users or bool(
        principal.roles.intersection(approval.roles)
    )


def _may_see(approval: Approval, principal: Principal) -> bool:
    return READ in principal.permissions or any(
        vote.person.id == principal.subject for vote in approval.votes
    )


def _spelled(approval: Approval) -> bytes:
    return json.dumps([approval.opened_at, approval.id]).encode()


def _position(position: bytes) -> tuple[datetime, str]:
    opened_at, approval_id = json.loads(position)
    return datetime.fromtimestamp(opened_at, UTC), approval_id
