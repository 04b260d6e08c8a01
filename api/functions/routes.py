"""HTTP in, functions of the tenant's own catalogue out. What may be published is decided below."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Response

from api.dependencies import ServicesDep, require
from api.workflows.media import definition_text
from api.workflows.schemas import FUNCTION_BODY, Name, PageSize, PageToken, Version
from security.principal import Principal
from workflows.catalog.functions.schemas import (
    FunctionPage,
    FunctionPublication,
    PublishedFunction,
)

router = APIRouter(prefix="/api/v1/functions", tags=["functions"])

Reader = Annotated[Principal, require("workflow:read")]
Author = Annotated[Principal, require("workflow:create")]
FunctionText = Annotated[bytes, Depends(definition_text)]

_PUBLISHED: Final[dict[int | str, dict[str, Any]]] = {
    200: {"model": FunctionPublication, "description": "The very same was published before."},
    201: {"model": FunctionPublication, "description": "Published."},
}


@router.put(
    "/{name}/versions/{version}",
    openapi_extra=FUNCTION_BODY,
    responses=_PUBLISHED,
)
async def publish_function(
    *,
    name: Name,
    version: Version,
    principal: Author,
    parts: ServicesDep,
    text: FunctionText,
    response: Response,
) -> FunctionPublication:
    """Publish a version of a function: one task, which workflows call as `name:version@default`.

    It never changes again; publish the next version instead. Workflows that were published keep
    the version they were published with.
    """
    published = await parts.publisher.publish_function(principal, name, version, text)
    response.status_code = 201 if published.created else 200
    return published


@router.get("")
def list_functions(
    principal: Reader, parts: ServicesDep, page_size: PageSize = 50, page_token: PageToken = None
) -> FunctionPage:
    """List functions by name, each with its newest version."""
    return parts.functions.list(principal.tenant_id, page_size=page_size, page_token=page_token)


@router.get("/{name}/versions")
def list_function_versions(
    *,
    name: Name,
    principal: Reader,
    parts: ServicesDep,
    page_size: PageSize = 50,
    page_token: PageToken = None,
) -> FunctionPage:
    """List the versions of one function, highest first."""
    return parts.functions.versions(
        principal.tenant_id, name, page_size=page_size, page_token=page_token
    )


@router.get("/{name}/versions/{version}")
def get_function_version(
    name: Name, version: Version, principal: Reader, parts: ServicesDep
) -> PublishedFunction:
    """Return one version."""
    return parts.functions.get(principal.tenant_id, name, version)
