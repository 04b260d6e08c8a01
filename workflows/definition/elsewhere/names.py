"""Names of functions that live elsewhere: `log:1.0.0@global`, or the address of a function."""

import re
from typing import Final, NamedTuple

from workflows.definition.models.names import MAX_VERSION_CHARS, NAME_PATTERN, VERSION_PATTERN

# The tenant's own catalogue, unless a definition declares one of this name.
DEFAULT_CATALOG: Final = "default"
_NAME: Final = re.compile(
    rf"(?P<name>{NAME_PATTERN}):(?P<version>{VERSION_PATTERN})@(?P<catalog>[^@\s]+)"
)
_ADDRESS: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://\S*", re.DOTALL)
_MEANT: Final = re.compile(r"[^@\s]+@[^@\s]+|[^@\s:]+:[0-9][^@\s]*")


class CatalogName(NamedTuple):
    """The name of a function in a catalogue."""

    name: str
    version: str
    catalog: str


def catalog_name(text: str) -> CatalogName | None:
    """Read a name; None when it is none."""
    match = _NAME.fullmatch(text)
    if match is None or len(match["version"]) > MAX_VERSION_CHARS:
        return None
    return CatalogName(match["name"], match["version"], match["catalog"])


def is_address(text: str) -> bool:
    """Tell whether a call names its function by an address."""
    return _ADDRESS.fullmatch(text) is not None


def is_elsewhere(text: str) -> bool:
    """Tell whether a call means a function that is not in its definition, well spelled or not."""
    return is_address(text) or _MEANT.fullmatch(text) is not None
