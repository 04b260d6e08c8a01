"""What the tenant's own catalogue hands out."""

from datetime import datetime

from pydantic import BaseModel, Field

from foundation.json import JsonObject
from workflows.definition import Finding


class FunctionSummary(BaseModel, frozen=True, from_attributes=True):
    """One version of a function, without its text."""

    name: str
    version: str
    hash: str = Field(description="Hash of the content.")
    published_by: str = Field(description="Id of whoever published this version first.")
    published_at: datetime


class PublishedFunction(FunctionSummary, frozen=True):
    """One version of a function."""

    document: JsonObject = Field(description="The function as JSON: one task.")
    source: str = Field(description="The text as its author wrote it.")


class FunctionPublication(PublishedFunction, frozen=True):
    """Answer to a publication."""

    created: bool = Field(
        default=False, description="False when the very same had been published before."
    )
    findings: tuple[Finding, ...] = Field(
        default=(), description="Warnings; nothing that keeps it from running."
    )


class FunctionPage(BaseModel, frozen=True):
    """Some functions, and where the list goes on."""

    items: list[FunctionSummary]
    next_page_token: str | None = Field(
        default=None, description="Where the next page begins; null at the end."
    )
