"""Which features there are, and what is told of one."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

from pydantic import BaseModel, Field

PROGRAMS: Final = "programs"
CONTAINERS: Final = "containers"
# Everything that is off until an administrator enables it, and what it allows.
FEATURES: Final[Mapping[str, str]] = MappingProxyType(
    {
        PROGRAMS: "Definitions may run shell commands and scripts in the sandbox",
        CONTAINERS: "Definitions may run these images in the sandbox",
    }
)


class FeatureState(BaseModel, frozen=True):
    """One feature of a tenant."""

    name: str
    purpose: str = Field(description="What it allows.")
    enabled: bool
    images: list[str] = Field(
        default_factory=list, description=f"Of '{CONTAINERS}': all that may be run."
    )
    changed_at: datetime | None = Field(default=None, description="Null while nobody has decided.")
    changed_by: str | None = Field(default=None, description="Id of whoever decided last.")


class FeatureList(BaseModel, frozen=True):
    """All features there are."""

    items: list[FeatureState]
