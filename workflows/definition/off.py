"""What may not be used by a tenant, or by whoever publishes, and how that changes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

# Programs of the installation's list, as MCP servers: who may publish what calls them.
MCP_PROGRAMS: Final = "mcp-programs"


def _any(_image: str) -> None:
    """Refuse no image."""


@dataclass(frozen=True)
class Off:
    """What is refused where a definition is published, besides where it runs.

    Attributes:
        features: How that changes, by the name of the feature.
        image: Says why an image may not be run; None when it may.
    """

    features: Mapping[str, str] = field(default_factory=dict)
    image: Callable[[str], str | None] = _any


NOTHING_OFF = Off()
