"""HTTP in, approvals out. Who may decide what is known to the run that waits."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query

from activities.approvals.types import ApprovalStatus
from api.approvals.schemas import (
    ApprovalId,
    DecisionRequest,
    DelegationRequest,
    Everybody,
    LinkId,
    LinkRequest,
)
from api.dependencies import ServicesDep, require
from api.instances.schemas import PageSize, PageToken
from api.services import Services
from security.principal import Principal
from workflows.approvals.links.schemas import LinkList, MadeLink
from workflows.approvals.schemas import ApprovalInfo, ApprovalPage

router = APIRouter(prefix="/api/v1/approvals", tags=["approvals"])

Decider = Annotated[Principal, require("approval:decide")]


@router.get("")
async def list_approvals(
    *,
    principal: Decider,
    parts: ServicesDep,
    status: ApprovalStatus = ApprovalStatus.PENDING,
    any_status: Annotated[bool, Query(description="Whatever became of them.")] = False,
    instance_id: Annotated[
        str | None, Query(max_length=512, description="Only those of this instance.")
    ] = None,
    everybody: Annotated[
        bool, Query(description="Also what others decide; needs 'approval:read'.")
    ] = False,
    page_size: PageSize = 50,
    page_token: PageToken = None,
) -> ApprovalPage:
    """Look into the inbox: what the caller may decide, the newest first."""
    return await parts.approvals.inbox.list(
        principal,
        status=None if any_status else status,
        everybody=everybody,
        instance_id=instance_id,
        page_size=page_size,
        page_token=page_token,
    )


@router.get("/{approval_id}")
async def get_approval(
    approval_id: ApprovalId, principal: Decider, parts: ServicesDep
) -> ApprovalInfo:
    """Look at one approval: what is to be approved, and who has said what."""
    return await parts.approvals.inbox.get(principal, approval_id)


async def _decided(
    principal: Principal,
    parts: Services,
    approval_id: str,
    body: DecisionRequest,
    *,
    approves: bool,
) -> ApprovalInfo:
    return await parts.approvals.decide(
        principal,
        approval_id,
        approves=approves,
        data_hash=body.data_hash,
        form=body.form,
        comment=body.comment,
    )


@router.post("/{approval_id}:approve")
async def approve(
    approval_id: ApprovalId, body: DecisionRequest, principal: Decider, parts: ServicesDep
) -> ApprovalInfo:
    """Say yes to the data with this hash. Saying it again changes nothing."""
    return await _decided(principal, parts, approval_id, body, approves=True)


@router.post("/{approval_id}:reject")
async def reject(
    approval_id: ApprovalId, body: DecisionRequest, principal: Decider, parts: ServicesDep
) -> ApprovalInfo:
    """Say no. One no is enough, whatever the quorum is."""
    return await _decided(principal, parts, approval_id, body, approves=False)


@router.post("/{approval_id}:delegate")
async def delegate(
    approval_id: ApprovalId, body: DelegationRequest, principal: Decider, parts: ServicesDep
) -> ApprovalInfo:
    """Hand it on to another person. Whoever does so decides no more."""
    return await parts.approvals.delegate(principal, approval_id, body.to)


@router.post("/{approval_id}/links", status_code=HTTPStatus.CREATED)
async def make_approval_link(
    approval_id: ApprovalId, body: LinkRequest, principal: Decider, parts: ServicesDep
) -> MadeLink:
    """Make a link by which the caller decides, once, without logging in.

    Whoever has it decides in the caller's name: send it only to yourself.
    """
    return await parts.links.make(principal, approval_id, body.decisions)


@router.get("/{approval_id}/links")
async def list_approval_links(
    approval_id: ApprovalId, principal: Decider, parts: ServicesDep, *, everybody: Everybody = False
) -> LinkList:
    """List the caller's links to an approval, those in mails included; never the links as such."""
    return await parts.links.list(principal, approval_id, everybody=everybody)


@router.delete("/{approval_id}/links/{link_id}", status_code=HTTPStatus.NO_CONTENT)
async def revoke_approval_link(
    approval_id: ApprovalId, link_id: LinkId, principal: Decider, parts: ServicesDep
) -> None:
    """Take a link back that was not used; those of others need 'approval:manage'."""
    await parts.links.revoke(principal, approval_id, link_id)
