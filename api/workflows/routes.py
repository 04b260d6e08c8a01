"""HTTP in, definitions out. What may be published, and what a version is, is decided below."""

from typing import Annotated, Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Depends, Header, Response

from api.dependencies import ServicesDep, require
from api.workflows.media import definition_text, wants_yaml
from api.workflows.schemas import (
    DEFINITION_BODY,
    Name,
    Namespace,
    NamespaceFilter,
    PageSize,
    PageToken,
    PublishedWorkflow,
    Validation,
    Version,
    Workflow,
    WorkflowPage,
)
from security.principal import Principal
from workflows.catalog import PublishedDefinition

router = APIRouter(prefix="/api/v1/workflows", tags=["workflows"])

Reader = Annotated[Principal, require("workflow:read")]
Author = Annotated[Principal, require("workflow:create")]
DefinitionText = Annotated[bytes, Depends(definition_text)]
Accept = Annotated[
    str, Header(description="`application/yaml` returns the text as its author wrote it.")
]

_YAML: Final = "application/yaml"
_TWO_FORMS: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {_YAML: {"schema": {"type": "string"}}}}
}
_PUBLISHED: Final[dict[int | str, dict[str, Any]]] = {
    200: {"model": PublishedWorkflow, "description": "The very same was published before."},
    201: {
        "model": PublishedWorkflow,
        "description": "Published.",
        "headers": {"Location": {"description": "This version.", "schema": {"type": "string"}}},
    },
}


@router.post("", status_code=201, openapi_extra=DEFINITION_BODY, responses=_PUBLISHED)
async def publish_workflow(
    principal: Author, parts: ServicesDep, text: DefinitionText, response: Response
) -> PublishedWorkflow:
    """Publish a version of a workflow. It never changes again; publish the next version instead.

    Everything that is wrong with it is reported at once, in `findings` of the problem. Functions of
    catalogues and schemas that are elsewhere are fetched now and kept: `origins` says from where. A
    version whose `schedule` is another one than that of the version before also needs
    `schedule:manage`.
    """
    published = await parts.publisher.publish(principal, text)
    await parts.triggers.published(principal.tenant_id, published.namespace, published.name)
    response.status_code = 201 if published.created else 200
    response.headers["Location"] = _location(published)
    return PublishedWorkflow.model_validate(published)


@router.post("/validate", openapi_extra=DEFINITION_BODY)
async def validate_workflow(
    principal: Reader, parts: ServicesDep, text: DefinitionText
) -> Validation:
    """Check a definition without publishing it.

    What is elsewhere is fetched only for those who could publish it; others get a warning.
    """
    return Validation.of(await parts.publisher.validate(principal, text))


@router.get("")
def list_workflows(
    principal: Reader,
    parts: ServicesDep,
    namespace: NamespaceFilter = None,
    page_size: PageSize = 50,
    page_token: PageToken = None,
) -> WorkflowPage:
    """List workflows by name, each with its newest version."""
    page = parts.catalog.list(
        principal.tenant_id, namespace=namespace, page_size=page_size, page_token=page_token
    )
    return WorkflowPage.of(page)


@router.get("/{namespace}/{name}", response_model=Workflow, responses=_TWO_FORMS)
def get_workflow(
    namespace: Namespace, name: Name, principal: Reader, parts: ServicesDep, accept: Accept = "*/*"
) -> Workflow | Response:
    """Return the newest version: the highest release, or pre-release when there is no release."""
    return _in_form(parts.catalog.get(principal.tenant_id, namespace, name), accept)


@router.get("/{namespace}/{name}/versions")
def list_workflow_versions(
    *,
    namespace: Namespace,
    name: Name,
    principal: Reader,
    parts: ServicesDep,
    page_size: PageSize = 50,
    page_token: PageToken = None,
) -> WorkflowPage:
    """List the versions of one workflow, newest first."""
    page = parts.catalog.versions(
        principal.tenant_id, namespace, name, page_size=page_size, page_token=page_token
    )
    return WorkflowPage.of(page)


@router.get("/{namespace}/{name}/versions/{version}", response_model=Workflow, responses=_TWO_FORMS)
def get_workflow_version(
    *,
    namespace: Namespace,
    name: Name,
    version: Version,
    principal: Reader,
    parts: ServicesDep,
    accept: Accept = "*/*",
) -> Workflow | Response:
    """Return one version."""
    return _in_form(parts.catalog.get(principal.tenant_id, namespace, name, version), accept)


def _in_form(found: PublishedDefinition, accept: str) -> Workflow | Response:
    """Answer in the form that the caller prefers."""
    if wants_yaml(accept):
        return Response(found.source, media_type=_YAML, headers={"Vary": "Accept"})
    return Workflow.model_validate(found)


def _location(published: PublishedDefinition) -> str:
    version = quote(published.version, safe="+")
    return f"{router.prefix}/{published.namespace}/{published.name}/versions/{version}"
