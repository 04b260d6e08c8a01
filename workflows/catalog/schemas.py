"""What the catalogue hands out."""

from datetime import datetime

from pydantic import BaseModel

from foundation.json import JsonObject
from workflows.definition import Finding
from workflows.definition.elsewhere import Origin


class DefinitionSummary(BaseModel, frozen=True, from_attributes=True):
    """One version of a definition, without its text.

    Attributes:
        hash: Content hash; what instances pin.
    """

    namespace: str
    name: str
    version: str
    title: str | None
    summary: str | None
    hash: str
    published_by: str
    published_at: datetime


class PublishedDefinition(DefinitionSummary, frozen=True):
    """One version of a definition.

    Attributes:
        document: The definition as data.
        source: The text as it was published.
        origins: Where the parts of `document` came from that are not in `source`.
    """

    document: JsonObject
    source: str
    origins: tuple[Origin, ...] = ()


class Publication(PublishedDefinition, frozen=True):
    """What publishing gave.

    Attributes:
        created: False when the very same had been published before.
        findings: Warnings; nothing that keeps it from running.
    """

    created: bool = False
    findings: tuple[Finding, ...] = ()


class DefinitionPage(BaseModel, frozen=True):
    """Some definitions, and where the list goes on."""

    items: list[DefinitionSummary]
    next_page_token: str | None = None
