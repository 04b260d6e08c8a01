"""What a definition uses and does not hold: functions of catalogues, schemas behind an address.

It is fetched when the definition is published, and written into it: what runs never depends on
anything elsewhere. Here is what has to be fetched and how it is written in; fetching is the
business of `workflows.catalog`.
"""

from workflows.definition.elsewhere.freezing import Frozen, freeze
from workflows.definition.elsewhere.names import DEFAULT_CATALOG, CatalogName, catalog_name
from workflows.definition.elsewhere.things import (
    NOTHING_FOUND,
    Failed,
    Fetched,
    Found,
    Origin,
    Wanted,
)

__all__ = [
    "DEFAULT_CATALOG",
    "NOTHING_FOUND",
    "CatalogName",
    "Failed",
    "Fetched",
    "Found",
    "Frozen",
    "Origin",
    "Wanted",
    "catalog_name",
    "freeze",
]
