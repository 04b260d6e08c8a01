"""Bodies of the definition routes, in and out."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Final, Self

from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field

from foundation.json import JsonObject
from workflows.catalog import DefinitionPage
from workflows.definition import Finding
from workflows.definition.elsewhere import Origin
from workflows.definition.models.names import MAX_VERSION_CHARS, NAME_PATTERN, VERSION_PATTERN

Namespace = Annotated[str, Path(pattern=f"^{NAME_PATTERN}$", examples=["press-line"])]
Name = Annotated[str, Path(pattern=f"^{NAME_PATTERN}$", examples=["defect-watch"])]
Version = Annotated[
    str,
    Path(pattern=f"^{VERSION_PATTERN}$", max_length=MAX_VERSION_CHARS, examples=["1.0.0"]),
]
NamespaceFilter = Annotated[
    str | None, Query(pattern=f"^{NAME_PATTERN}$", description="Only workflows of this namespace.")
]
PageSize = Annotated[int, Query(ge=1, description="Items of a page; 200 at most.")]
PageToken = Annotated[
    str | None, Query(max_length=4096, description="`next_page_token` of the page before.")
]


class WorkflowSummary(BaseModel):
    """One published version of a workflow."""

    model_config = ConfigDict(from_attributes=True, frozen=True)

    namespace: str
    name: str
    version: str
    title: str | None = Field(description="`document.title` of the definition.")
    summary: str | None = Field(description="`document.summary` of the definition.")
    hash: str = Field(description="Hash of the content; instances pin it.")
    published_by: str = Field(description="Id of whoever published this version first.")
    published_at: datetime


class Workflow(WorkflowSummary):
    """One published version with its content."""

    document: dict[str, Any] = Field(
        description="The definition as JSON, with what was fetched for it."
    )
    source: str = Field(description="The text as its author wrote it.")
    origins: list[Origin] = Field(
        description="Where the parts of `document` came from that are not in `source`."
    )


class PublishedWorkflow(WorkflowSummary):
    """Answer to a publication."""

    created: bool = Field(description="False when the very same had been published before.")
    findings: list[Finding] = Field(description="Warnings; nothing that keeps it from running.")
    origins: list[Origin] = Field(
        description="From where functions and schemas were fetched, with their SHA-256."
    )


class WorkflowPage(BaseModel, frozen=True):
    """Part of a listing."""

    items: list[WorkflowSummary]
    next_page_token: str | None = Field(description="Where the next page begins; null at the end.")

    @classmethod
    def of(cls, page: DefinitionPage) -> Self:
        """Shape a page of the catalogue."""
        return cls(
            items=[WorkflowSummary.model_validate(item) for item in page.items],
            next_page_token=page.next_page_token,
        )


class Validation(BaseModel, frozen=True):
    """Everything that was found in a definition."""

    valid: bool = Field(description="True when it could be published: no finding is an error.")
    findings: list[Finding]

    @classmethod
    def of(cls, findings: Iterable[Finding]) -> Self:
        """Sum up findings."""
        found = list(findings)
        return cls(valid=not any(each.is_error for each in found), findings=found)


_EXAMPLE: Final = """\
document:
  dsl: '1.0.3'
  namespace: press-line
  name: hello
  version: '1.0.0'
do:
  - greet:
      set:
        greeting: ${ "Hello, \\(.name)!" }
"""
_EXAMPLE_DOCUMENT: Final[JsonObject] = {
    "document": {
        "dsl": "1.0.3",
        "namespace": "press-line",
        "name": "hello",
        "version": "1.0.0",
    },
    "do": [{"greet": {"set": {"greeting": '${ "Hello, \\(.name)!" }'}}}],
}
MEDIA_TYPES: Final = (
    "application/yaml",
    "application/x-yaml",
    "text/yaml",
    "text/x-yaml",
    "text/plain",
    "application/json",
)
# What a definition may be is said by its language, not by a schema of ours: see docs/how-to.
_FUNCTION: Final = "set: { line: 'Line ${ .line }' }\n"
FUNCTION_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "A function: one task of the language, as YAML 1.2 or JSON.",
        "content": {
            "application/yaml": {"schema": {"type": "string"}, "example": _FUNCTION},
            "text/plain": {"schema": {"type": "string"}, "example": _FUNCTION},
            "application/json": {"schema": {}, "example": {"set": {"line": "Line ${ .line }"}}},
        },
    }
}
DEFINITION_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": (
            "A definition of the Open Workflow Specification DSL 1.0.3, as YAML 1.2 or JSON, 256 "
            "KiB at most."
        ),
        "content": {
            "application/yaml": {"schema": {"type": "string"}, "example": _EXAMPLE},
            "text/plain": {"schema": {"type": "string"}, "example": _EXAMPLE},
            "application/json": {"schema": {}, "example": _EXAMPLE_DOCUMENT},
        },
    }
}
