"""HTTP in, metadata of secrets out. A value comes in here and never goes out, not in an error."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Response

from api.dependencies import ServicesDep, require
from api.mcp.schemas import PageSize, PageToken
from api.secrets.schemas import IfMatch, SecretName, SecretRequest
from security.principal import Principal
from security.secrets.schemas import SecretInfo, SecretPage

router = APIRouter(prefix="/api/v1/secrets", tags=["secrets"])

Reader = Annotated[Principal, require("secret:read")]
Manager = Annotated[Principal, require("secret:manage")]

_STORED: Final[dict[int | str, dict[str, Any]]] = {
    200: {"model": SecretInfo, "description": "Rotated: the next call has the new value."},
    201: {
        "model": SecretInfo,
        "description": "Stored.",
        "headers": {"Location": {"description": "This secret.", "schema": {"type": "string"}}},
    },
}


@router.get("")
def list_secrets(
    principal: Reader, parts: ServicesDep, page_size: PageSize = 50, page_token: PageToken = None
) -> SecretPage:
    """List secrets by name, without their values."""
    return parts.secrets.list(principal.tenant_id, page_size=page_size, page_token=page_token)


@router.get("/{name}")
def get_secret(
    name: SecretName, principal: Reader, parts: ServicesDep, response: Response
) -> SecretInfo:
    """Look at one secret: its version, and who gave its value when. The value is not shown."""
    return _with_etag(parts.secrets.get(principal.tenant_id, name), response)


@router.put("/{name}", responses=_STORED)
def put_secret(
    *,
    name: SecretName,
    body: SecretRequest,
    principal: Manager,
    parts: ServicesDep,
    response: Response,
    if_match: IfMatch = None,
) -> SecretInfo:
    """Store a secret, or rotate the one of that name. Calls that begin afterwards have this value.

    It is stored encrypted and never shown again.
    """
    secret = parts.secrets.put(
        principal.tenant_id, name, body.value, principal.subject, etag=if_match
    )
    if secret.version == 1:
        response.status_code = 201
        response.headers["Location"] = f"{router.prefix}/{name}"
    return _with_etag(secret, response)


@router.delete("/{name}", status_code=204)
def delete_secret(
    name: SecretName, principal: Manager, parts: ServicesDep, if_match: IfMatch = None
) -> None:
    """Delete a secret. Calls that read it fail from now on, and say which secret they miss."""
    parts.secrets.delete(principal.tenant_id, name, etag=if_match)


def _with_etag(secret: SecretInfo, response: Response) -> SecretInfo:
    response.headers["ETag"] = secret.etag
    response.headers["Cache-Control"] = "private, no-cache"
    return secret
