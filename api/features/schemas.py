"""Parameters and bodies of the feature routes. What is shown is `security.features.schemas`."""

from typing import Annotated

from fastapi import Path
from pydantic import BaseModel, Field

from security.features.schemas import PROGRAMS

FeatureName = Annotated[
    str, Path(pattern="^[a-z][a-z-]{0,62}$", description="Its name.", examples=[PROGRAMS])
]


class FeatureRequest(BaseModel, extra="forbid", frozen=True):
    """Whether a feature is to be enabled."""

    enabled: bool = Field(strict=True, description="What definitions of the tenant may use.")
