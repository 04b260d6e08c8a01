"""Running programs that nobody trusts: the seam, its implementation, and the proof that it holds.

Knows nothing of Temporal. There is no implementation without isolation, and no setting for one.
"""

from activities.programs.sandbox.bubblewrap import Bubblewrap
from activities.programs.sandbox.errors import ImageMissingError, SandboxRefusedError
from activities.programs.sandbox.images import Image, Images
from activities.programs.sandbox.probe import proven, proven_for_images
from activities.programs.sandbox.refusing import Refusing
from activities.programs.sandbox.types import (
    Container,
    Finished,
    Language,
    Limits,
    Program,
    Sandbox,
)

__all__ = [
    "Bubblewrap",
    "Container",
    "Finished",
    "Image",
    "ImageMissingError",
    "Images",
    "Language",
    "Limits",
    "Program",
    "Refusing",
    "Sandbox",
    "SandboxRefusedError",
    "proven",
    "proven_for_images",
]
