"""The way of a decision to the run that waits."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final

from anyio import to_thread
from temporalio.client import Client, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.client import WorkflowUpdateRPCTimeoutOrCancelledError as NoAnswer
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from activities.approvals.types import Approval, ApprovalStatus, Vote
from foundation.errors import (
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    MillwrightError,
    UnavailableError,
)
from foundation.json import JsonValue
from security.accounts.people import People
from security.principal import Principal
from workflows.approvals.inbox import Inbox
from workflows.approvals.rules import DECIDE, may_decide, person_of
from workflows.approvals.schemas import ApprovalInfo
from workflows.approvals.signatures import is_signed, says_the_same, signature
from workflows.approvals.sweeping import goes_on, still_waits, was_undone
from workflows.interpreter.types import DECIDE_UPDATE, NOT_OPEN, Decision, Refusal
from workflows.runs.rpc import translated

UPDATE_TIMEOUT: Final = timedelta(seconds=10)
# Within this time a run that goes on as a new one has opened its approvals again, and those who
# decide at the same time have had their turn.
REOPENS_S: Final = 5.0
AGAIN_S: Final = 0.2
# What the run has taken is shown a moment later.
SHOWN_S: Final = 3.0

_REFUSALS: Final[dict[str, Callable[[str], MillwrightError]]] = {
    Refusal.FORBIDDEN: ForbiddenError,
    Refusal.CONFLICT: ConflictError,
    Refusal.INVALID: InvalidInputError,
}


class AskedAnewError(ConflictError):
    """What somebody decides was asked anew since: its run was reset."""


class _TooManyError(Exception):
    """Temporal takes ten updates of one run at a time; others have to come again."""


class Approvals:
    """Decisions, of all tenants. One per process.

    Args:
        key: Signs decisions.
    """

    def __init__(self, inbox: Inbox, client: Client, people: People, key: bytes) -> None:
        self.inbox = inbox
        self._desk = inbox.desk
        self._client = client
        self._people = people
        self._key = key

    async def decide(
        self,
        principal: Principal,
        approval_id: str,
        *,
        approves: bool,
        data_hash: str,
        form: JsonValue = None,
        comment: str | None = None,
        asked_by: str | None = None,
    ) -> ApprovalInfo:
        """Approve or reject. Saying the same again changes nothing.

        Args:
            data_hash: Of the data that the person has seen.
            form: What the person filled in.
            asked_by: The run that the decision is for; None when one that was reset since, and asks
                the same again, may have it.

        Raises:
            NotFoundError: When there is none that the caller may see.
            ForbiddenError: When the caller is none of those who may decide.
            ConflictError: When it is decided, or the data is not what was seen.
            AskedAnewError: When another run asks now.
            InvalidInputError: When the form is not filled in rightly.
            UnavailableError: When the run cannot be reached; try again.
        """
        approval = await self.inbox.found(principal, approval_id)
        _require_asked_by(asked_by, approval)
        vote = Vote(
            person=person_of(principal),
            approves=approves,
            data_hash=data_hash,
            form=form,
            comment=comment,
            # Taken once: what is signed is what the run keeps, however long it takes to reach it.
            at=time.time(),
        )
        vote = vote.model_copy(update={"signature": signature(self._key, approval, vote)})
        if await self._counts(vote, approval):
            return self.inbox.shown(approval, principal)
        decision = Decision(approval=approval.id, vote=vote, asked_by=asked_by or None)
        try:
            return await self._told(principal, approval, decision)
        except AskedAnewError:
            raise
        except ConflictError:
            if data_hash != approval.data_hash or not may_decide(approval, principal):
                raise
            # The same person may have said the same a moment ago, by another click.
            now = await self._shown_after(approval)
            if not await self._counts(vote, now):
                raise
            return self.inbox.shown(now, principal)

    async def delegate(self, principal: Principal, approval_id: str, to: str) -> ApprovalInfo:
        """Hand an approval on to another person.

        Raises:
            NotFoundError: When there is none that the caller may see.
            ForbiddenError: When the caller is none of those who may decide.
            ConflictError: When it is decided.
            InvalidInputError: When that person could not decide it.
            UnavailableError: When the run cannot be reached; try again.
        """
        approval = await self.inbox.found(principal, approval_id)
        await self._require_able(approval, to)
        decision = Decision(approval=approval.id, person=person_of(principal), to=to)
        return await self._told(principal, approval, decision)

    def _is_there(self, vote: Vote, approval: Approval) -> bool:
        """Tell whether this was said before, by a repeated request at another moment."""
        return any(
            says_the_same(approval, vote, each) and is_signed(self._key, approval, each)
            for each in approval.votes
        )

    async def _require_able(self, approval: Approval, to: str) -> None:
        """Let an approval be handed only to somebody who can decide it.

        Raises:
            InvalidInputError: When nobody could.
        """
        tenant_id = approval.tenant_id
        person = await to_thread.run_sync(self._people.by_email, tenant_id, to)
        if person is None or DECIDE not in person.permissions:
            raise InvalidInputError(
                f"Nobody who may decide approvals has the address '{to}'. Name somebody with an "
                f"account and the permission '{DECIDE}'."
            )
        if person.subject in approval.excluded:
            raise InvalidInputError(
                f"{to} asked for this, or has handed it on, and cannot decide it. Name somebody "
                "else."
            )

    async def _told(
        self, principal: Principal, approval: Approval, decision: Decision
    ) -> ApprovalInfo:
        """Tell the run, and wait until the inbox shows it."""
        until = asyncio.get_running_loop().time() + REOPENS_S
        while not await self._taken(approval, decision):
            approval = await self._pending(approval)
            _require_asked_by(decision.asked_by, approval)
            if asyncio.get_running_loop().time() > until:
                await self._require_waiting(approval)
                raise UnavailableError("The run does not take the decision now. Try again.")
            await asyncio.sleep(AGAIN_S)
        return self.inbox.shown(await self._shown_after(approval), principal)

    async def _shown_after(self, approval: Approval) -> Approval:
        """Wait a little until the inbox shows more than this."""
        until = asyncio.get_running_loop().time() + SHOWN_S
        while True:
            now = await self._desk.read(approval.tenant_id, approval.id) or approval
            if now.revision > approval.revision or asyncio.get_running_loop().time() > until:
                return now
            await asyncio.sleep(AGAIN_S / 4)

    async def _taken(self, approval: Approval, decision: Decision) -> bool:
        """Ask the run to take a decision; False when its approval is not open at the moment.

        Raises:
            MillwrightError: When it refuses.
        """
        handle = self._client.get_workflow_handle(approval.workflow_id)
        try:
            with translated(lambda: _over(approval)):
                # Temporal applies it again to a run that is reset, where it must not count.
                said = decision.model_copy(update={"asked_by": approval.asked_by or None})
                await self._update(handle, said)
        except _TooManyError:
            return False
        except NoAnswer:
            raise UnavailableError(
                "No worker answered in time. The decision may still be taken: look again."
            ) from None
        except WorkflowUpdateFailedError as failed:
            cause = failed.cause
            kind = cause.type if isinstance(cause, ApplicationError) else None
            if kind == NOT_OPEN and approval.status is ApprovalStatus.PENDING:
                return False
            why = cause.message if isinstance(cause, ApplicationError) else str(cause)
            raise _REFUSALS.get(kind or "", ConflictError)(why) from None
        except ConflictError:
            # The run that was to take it has ended; if it was reset, another one goes on.
            if await goes_on(self._client, approval):
                return False
            await self._close(approval)
            raise
        return True

    async def _update(self, handle: WorkflowHandle[Any, Any], decision: Decision) -> None:
        try:
            await handle.execute_update(DECIDE_UPDATE, decision, rpc_timeout=UPDATE_TIMEOUT)
        except RPCError as error:
            if error.status is RPCStatusCode.RESOURCE_EXHAUSTED:
                raise _TooManyError from error
            raise

    async def _counts(self, vote: Vote, approval: Approval) -> bool:
        """Tell whether somebody has said the same before, and nobody has reset the run since."""
        return self._is_there(vote, approval) and not await was_undone(self._client, approval)

    async def _pending(self, approval: Approval) -> Approval:
        """Return it as it is now, if nobody has decided it meanwhile.

        Raises:
            ConflictError: When somebody has; perhaps the caller, whom nobody answered in time.
        """
        now = await self._desk.read(approval.tenant_id, approval.id)
        if now is not None and now.status is not ApprovalStatus.PENDING:
            raise ConflictError(f"It has been decided already: {now.status.value}.")
        return now or approval

    async def _require_waiting(self, approval: Approval) -> None:
        """Tell a run that is busy from one that asks no more.

        Raises:
            ConflictError: When it asks no more: the instance was stopped, and perhaps retried, or
                was reset to where it does not ask yet.
        """
        if not await still_waits(self._client, approval):
            await self._close(approval)
            raise _over(approval)

    async def _close(self, approval: Approval) -> None:
        with suppress(UnavailableError):
            await self._desk.close(approval)


def _over(approval: Approval) -> ConflictError:
    return ConflictError(
        f"The instance that waited for '{approval.title}' has ended, or does not ask it now."
    )


def _require_asked_by(asked_by: str | None, approval: Approval) -> None:
    if asked_by and asked_by != approval.asked_by:
        raise AskedAnewError(
            f"'{approval.title}' was asked anew since. Use the newer link, or decide in the inbox."
        )
