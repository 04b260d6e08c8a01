"""Links by which people decide: making them, using them once, taking them back."""

import secrets
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, Literal, TypeVar
from urllib.parse import quote

import structlog
from anyio import to_thread

from activities.approvals.types import Approval
from foundation.errors import (
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    MillwrightError,
    NotFoundError,
    UnavailableError,
)
from foundation.json import JsonValue, digest
from foundation.settings import ApprovalSettings
from security.accounts.people import People
from security.principal import Principal
from workflows.approvals.links.grant import CHOICES, Choice, Claims, Grant, LinkTokens
from workflows.approvals.links.repository import LinkRows
from workflows.approvals.links.schemas import LinkInfo, LinkList, LinkState, MadeLink
from workflows.approvals.models import ApprovalLink
from workflows.approvals.rules import may_decide
from workflows.approvals.schemas import ApprovalInfo
from workflows.approvals.service import Approvals, AskedAnewError

log = structlog.get_logger()

T = TypeVar("T")

MANAGE: Final = "approval:manage"
PAGE: Final = "/decide"
# Longer than a decision takes on its way: the run, its going on as a new one, the inbox.
CLAIM_S: Final = 45.0
# Of one person to one approval; reminders make some, too.
MAX_LINKS: Final = 50

Trouble = Literal["unknown", "expired", "used", "revoked", "anew", "busy", "forbidden"]


class LinkError(MillwrightError):
    """A link that does not lead to a decision.

    Attributes:
        trouble: Why, for whoever words it.
    """

    code = "link"
    status = 410

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(f"The link cannot be used: {trouble}.")
        self.trouble: Trouble = trouble


@dataclass(frozen=True, slots=True)
class Opened:
    """What a link leads to, as its person sees it now.

    Attributes:
        asked_by: The run in Temporal that asked, when the link was made.
    """

    link_id: str
    person: Principal
    decisions: tuple[Choice, ...]
    approval: ApprovalInfo
    asked_by: str


class Links:
    """Links of all tenants. One per process.

    Args:
        public_url: Where people reach the API; None when nobody has said so.
    """

    def __init__(
        self,
        approvals: Approvals,
        people: People,
        tokens: LinkTokens,
        settings: ApprovalSettings,
        public_url: str | None,
    ) -> None:
        self._approvals = approvals
        self._inbox = approvals.inbox
        self._people = people
        self._tokens = tokens
        self._settings = settings
        self._public_url = public_url

    async def make(
        self, principal: Principal, approval_id: str, decisions: Collection[Choice] = CHOICES
    ) -> MadeLink:
        """Make a link for the caller, who may decide the approval now.

        Raises:
            NotFoundError: When there is no approval that the caller may see.
            ForbiddenError: When the caller may not decide it.
            ConflictError: When there are many already, or links are not set up.
        """
        approval = await self._inbox.found(principal, approval_id)
        if not may_decide(approval, principal):
            raise ForbiddenError(
                "You cannot decide this approval (any more), and a link could not either."
            )
        if self._public_url is None:
            raise ConflictError(
                "Nobody has said where people reach this installation. Its administrator sets "
                "MILLWRIGHT_API_PUBLIC_URL."
            )
        grant = self._grant(approval, principal, secrets.token_hex(16), decisions)
        row = await self._in(approval.tenant_id, lambda rows: _put_one_more(rows, grant))
        log.info("approval_link_made", link=grant.id, approval=approval.id)
        return MadeLink(**_info(row).model_dump(), url=self._url(grant))

    async def list(
        self, principal: Principal, approval_id: str, *, everybody: bool = False
    ) -> LinkList:
        """List the caller's links to an approval, or those of all.

        Raises:
            NotFoundError: When there is no approval that the caller may see.
            ForbiddenError: When the caller may not look after those of others.
        """
        approval = await self._inbox.found(principal, approval_id)
        if everybody:
            principal.require(MANAGE)
        who = None if everybody else principal.subject
        found = await self._in(approval.tenant_id, lambda rows: rows.of_approval(approval.id, who))
        return LinkList(items=[_info(each) for each in found])

    async def revoke(self, principal: Principal, approval_id: str, link_id: str) -> None:
        """Take a link back; those of others with the permission `approval:manage`.

        Raises:
            NotFoundError: When there is no such link, or it was used.
        """
        approval = await self._inbox.found(principal, approval_id)
        who = None if MANAGE in principal.permissions else principal.subject
        done = await self._in(
            approval.tenant_id, lambda rows: rows.revoke(approval.id, link_id, who)
        )
        if not done:
            raise NotFoundError(
                f"There is no link '{link_id[:64]}' to this approval that you could take back and "
                "that was not used."
            )
        log.info("approval_link_revoked", link=link_id, approval=approval.id)

    async def for_mail(
        self, *, tenant_id: str, workflow_id: str, approval_id: str, email: str, key: str
    ) -> str | None:
        """Return the address by which somebody decides; None when that person may not.

        Args:
            workflow_id: The run that asks for it: it gets links to its own approvals only.
            key: Of the mail; the same one gives the same link.
        """
        approval = await self._inbox.desk.read(tenant_id, approval_id)
        if self._public_url is None or approval is None or approval.workflow_id != workflow_id:
            return None
        person = await to_thread.run_sync(self._people.by_email, tenant_id, email)
        if person is None or not may_decide(approval, person):
            return None
        # The mail of a run that was reset may have the same key.
        link_id = digest([tenant_id, approval_id, approval.asked_by, key, person.subject])[:32]
        grant = self._grant(approval, person, link_id, CHOICES)
        row = await self._in(tenant_id, lambda rows: _put(rows, grant))
        return self._url(_granted(row))

    async def open(self, token: str) -> Opened:
        """Return what a link leads to; looking at it changes nothing.

        Raises:
            LinkError: When it leads to nothing (any more).
        """
        claims = self._claims(token)
        row = await self._in(claims.tenant_id, lambda rows: rows.find(claims.link_id))
        return await self._opened(claims, row)

    async def decide(
        self, token: str, choice: Choice, *, form: JsonValue = None, comment: str | None = None
    ) -> Opened:
        """Decide with a link; of those who do so at the same time, one does.

        Raises:
            LinkError: When it leads to nothing (any more).
            ForbiddenError: When the person may not decide (any more).
            ConflictError: When it is decided.
            InvalidInputError: When the form is not filled in rightly; the link stays good.
            UnavailableError: When the run cannot be reached; try again a little later.
        """
        opened = await self.open(token)
        if choice not in opened.decisions:
            raise LinkError("forbidden")
        tenant_id, link_id = opened.person.tenant_id, opened.link_id
        if not await self._in(tenant_id, lambda rows: rows.claim(link_id, CLAIM_S)):
            # Used, taken back or expired since; otherwise somebody is just deciding with it.
            await self.open(token)
            raise LinkError("busy")
        try:
            after = await self._approvals.decide(
                opened.person,
                opened.approval.id,
                approves=choice == "approve",
                data_hash=opened.approval.data_hash,
                form=form,
                comment=comment,
                asked_by=opened.asked_by,
            )
        except UnavailableError:
            # It may have been decided. The claim ends by itself, and saying the same again is safe.
            raise
        except MillwrightError as error:
            await self._in(tenant_id, lambda rows: rows.release(link_id))
            if isinstance(error, AskedAnewError):
                raise LinkError("anew") from None
            raise
        await self._in(tenant_id, lambda rows: rows.use(link_id, choice))
        log.info("approval_link_used", link=link_id, approval=after.id, decision=choice)
        return replace(opened, approval=after)

    def _claims(self, token: str) -> Claims:
        claims = self._tokens.claims(token)
        if claims is None:
            raise LinkError("unknown")
        if claims.expires_at <= time.time():
            raise LinkError("expired")
        return claims

    async def _opened(self, claims: Claims, row: ApprovalLink | None) -> Opened:
        if row is None or _granted(row).digest != claims.digest:
            raise LinkError("unknown")
        approval = await self._inbox.desk.read(row.tenant_id, row.approval_id)
        if approval is not None and row.asked_by not in ("", approval.asked_by):
            raise LinkError("anew")
        if (trouble := _TROUBLES.get(_info(row).state)) is not None:
            raise LinkError(trouble)
        person = await to_thread.run_sync(self._people.by_id, row.tenant_id, row.user_id)
        if person is None or approval is None or not _fits(row, approval):
            raise LinkError("forbidden")
        shown = self._inbox.shown(approval, person)
        decisions: tuple[Choice, ...] = tuple(each for each in CHOICES if each in row.decisions)
        return Opened(row.id, person, decisions, shown, row.asked_by)

    def _grant(
        self, approval: Approval, person: Principal, link_id: str, decisions: Collection[Choice]
    ) -> Grant:
        chosen = tuple(each for each in CHOICES if each in decisions)
        if not chosen:
            raise InvalidInputError("A link is good for 'approve', 'reject' or both.")
        expires_at = int(time.time() + self._settings.link_ttl_s)
        if approval.due_at is not None:
            expires_at = min(expires_at, int(approval.due_at) + 1)
        return Grant(
            tenant_id=approval.tenant_id,
            id=link_id,
            approval_id=approval.id,
            workflow_id=approval.workflow_id,
            user_id=person.subject,
            decisions=chosen,
            data_hash=approval.data_hash,
            expires_at=expires_at,
            asked_by=approval.asked_by,
        )

    def _url(self, grant: Grant) -> str:
        # In the query, which no log of ours has, and not in the path, which all have.
        token = quote(self._tokens.token(grant), safe="")
        return f"{(self._public_url or '').rstrip('/')}{PAGE}?link={token}"

    async def _in(self, tenant_id: str, work: Callable[[LinkRows], T]) -> T:
        def done() -> T:
            with self._inbox.desk.database.session() as session:
                return work(LinkRows(session, tenant_id))

        return await to_thread.run_sync(done)


_TROUBLES: Final[dict[LinkState, Trouble]] = {
    LinkState.USED: "used",
    LinkState.REVOKED: "revoked",
    LinkState.EXPIRED: "expired",
}


def _put(rows: LinkRows, grant: Grant) -> ApprovalLink:
    rows.clear()
    return rows.put(grant)


def _put_one_more(rows: LinkRows, grant: Grant) -> ApprovalLink:
    if len(rows.of_approval(grant.approval_id, grant.user_id)) >= MAX_LINKS:
        raise ConflictError(
            f"You have made {MAX_LINKS} links to this approval. Use one of them, or decide it here."
        )
    return _put(rows, grant)


def _granted(row: ApprovalLink) -> Grant:
    return Grant(
        tenant_id=row.tenant_id,
        id=row.id,
        approval_id=row.approval_id,
        workflow_id=row.workflow_id,
        user_id=row.user_id,
        decisions=tuple(row.decisions),
        data_hash=row.data_hash,
        expires_at=int(row.expires_at.timestamp()),
        asked_by=row.asked_by,
    )


def _fits(row: ApprovalLink, approval: Approval) -> bool:
    """Tell whether an approval is still the one that the link was made for."""
    return (row.workflow_id, row.data_hash) == (approval.workflow_id, approval.data_hash)


def _info(row: ApprovalLink) -> LinkInfo:
    return LinkInfo(
        id=row.id,
        user_id=row.user_id,
        decisions=row.decisions,
        state=_state(row),
        made_at=row.made_at,
        expires_at=row.expires_at,
        used_at=row.used_at,
        used_for=row.used_for,
    )


def _state(row: ApprovalLink) -> LinkState:
    if row.used_at is not None:
        return LinkState.USED
    if row.revoked_at is not None:
        return LinkState.REVOKED
    return LinkState.EXPIRED if row.expires_at <= datetime.now(UTC) else LinkState.OPEN
