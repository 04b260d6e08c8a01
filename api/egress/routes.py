"""HTTP in, rules about hosts in and out."""

from typing import Annotated

from fastapi import APIRouter, Response

from api.dependencies import ServicesDep, require
from api.egress.schemas import EgressQuestion, EgressRequest, IfMatch
from security.egress.asking import verdict
from security.egress.schemas import EgressState, EgressVerdict
from security.principal import Principal

router = APIRouter(prefix="/api/v1/tenant/egress", tags=["tenant"])

Reader = Annotated[Principal, require("workflow:read")]
Manager = Annotated[Principal, require("egress:manage")]


@router.get("")
def get_egress(principal: Reader, parts: ServicesDep, response: Response) -> EgressState:
    """Look at the rules about the hosts that this tenant's requests may go to."""
    return _with_etag(parts.ruling.get(principal.tenant_id), response)


@router.put("")
def put_egress(
    body: EgressRequest,
    principal: Manager,
    parts: ServicesDep,
    response: Response,
    if_match: IfMatch = None,
) -> EgressState:
    """Replace the rules.

    They narrow what the operator of this installation allows. Requests that begin afterwards keep
    to them: in this process at once, in others within 10 seconds.
    """
    state = parts.ruling.put(
        principal.tenant_id, principal.subject, allow=body.allow, deny=body.deny, etag=if_match
    )
    return _with_etag(state, response)


@router.post(":check")
async def check_egress(
    body: EgressQuestion, principal: Reader, parts: ServicesDep
) -> EgressVerdict:
    """Ask whether requests of this tenant go to an address, without sending one."""
    return await verdict(await parts.egress.of(principal.tenant_id), body.url)


def _with_etag(state: EgressState, response: Response) -> EgressState:
    response.headers["ETag"] = state.etag
    response.headers["Cache-Control"] = "private, no-cache"
    return state
