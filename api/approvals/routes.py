"""HTTP in, approvals out. Who may decide what is known to the run that waits."""

from typing import Annotated

from fastapi import APIRouter, Query

from activities.approvals.types import ApprovalStatus
from api.approvals.schemas import ApprovalId, DecisionRequest, DelegationRequest
from api.dependencies import ServicesDep, require
from api.instances.schemas import PageSize, PageToken
from security.principal import Principal
from workflows.approvals.schemas import ApprovalInfo, ApprovalPage

router = APIRouter(prefix="/api/v1/approvals", tags=["approvals"])

Decider = Annotated[Principal, require("approval:decide")]


@router.get("")
async def list_approvals(
    *,
    principal: Decider,
    parts: ServicesDep,
    status: Annotated[ApprovalStatus | None, Query()] = ApprovalStatus.PENDING,
    everybody: Annotated[
        bool, Query(description="Also what others decide; needs 'approval:read'.")
    ] = False,
    page_size: PageSize = 50,
    page_token: PageToken = None,
) -> ApprovalPage:
    """Look into the inbox: what the caller may decide, the newest first."""
    return await parts.approvals.list(
        principal,
        status=status,
        everybody=everybody,
        page_size=page_size,
        page_token=page_token,
    )


@router.get("/{approval_id}")
async def get_approval(
    approval_id: ApprovalId, principal: Decider, parts: ServicesDep
) -> ApprovalInfo:
    """Look at one approval: what is to be approved, and who has said what."""
    return await parts.approvals.get(principal, approval_id)


@router.post("/{approval_id}:approve")
async def approve(
    approval_id: ApprovalId, body: DecisionRequest, principal: Decider, parts: ServicesDep
) -> ApprovalInfo:
    """Say yes to the data with this hash. Saying it again changes nothing."""
    return await parts.approvals.decide(
        principal,
        approval_id,
        approves=True,
        data_hash=body.data_hash,
        form=body.form,
        comment=body.comment,
    )


@router.post("/{approval_id}:reject")
async def reject(
    approval_id: ApprovalId, body: DecisionRequest, principal: Decider, parts: ServicesDep
) -> ApprovalInfo:
    """Say no. One no is enough, whatever the quorum is."""
    return await parts.approvals.decide(
        principal,
        approval_id,
        approves=False,
        data_hash=body.data_hash,
        form=body.form,
        comment=body.comment,
    )


@router.post("/{approval_id}:delegate")
async def delegate(
    approval_id: ApprovalId, body: DelegationRequest, principal: Decider, parts: ServicesDep
) -> ApprovalInfo:
    """Hand it on to another person. Whoever does so decides no more."""
    return await parts.approvals.delegate(principal, approval_id, body.to)
