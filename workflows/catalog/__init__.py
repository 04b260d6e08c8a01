"""Published definitions: what a tenant can start, in every version that was ever published."""

from workflows.catalog.schemas import (
    DefinitionPage,
    DefinitionSummary,
    Publication,
    PublishedDefinition,
)
from workflows.catalog.service import Catalog

__all__ = [
    "Catalog",
    "DefinitionPage",
    "DefinitionSummary",
    "Publication",
    "PublishedDefinition",
]
