"""What a tenant may not use, and how that changes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


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
