"""Parameters and bodies of the feature routes. What is shown is `security.features.schemas`."""

from typing import Annotated

from fastapi import Path
from pydantic import BaseModel, Field

from security.features.schemas import CONTAINERS, PROGRAMS

FeatureName = Annotated[
    str, Path(pattern="^[a-z][a-z-]{0,62}$", description="Its name.", examples=[PROGRAMS])
]

# What it may hold is said by whoever spells it; this bounds what is stored.
ImageName = Annotated[str, Field(min_length=1, max_length=300, examples=["plant/tool:1.4"])]


class FeatureRequest(BaseModel, extra="forbid", frozen=True):
    """Whether a feature is to be enabled."""

    enabled: bool = Field(strict=True, description="What definitions of the tenant may use.")
    images: list[ImageName] | None = Field(
        default=None,
        max_length=200,
        description=f"Of '{CONTAINERS}': all images that may be run from now on, as definitions "
        "name them; left out, they stay as they are. With a digest (name@sha256:...) it is that "
        "one image and no other.",
    )
