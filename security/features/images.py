"""How images of containers are called: one spelling, for who allows, adds and runs them."""

import re
from typing import Final

from foundation.errors import InvalidInputError

_NAME: Final = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._/:-]{0,199}(?P<digest>@sha256:[0-9a-f]{64})?", re.ASCII
)


class ImageNameError(InvalidInputError):
    """No image can be called so."""

    code = "image-name"
    title = "No image can be called so"


def image_name(name: str) -> str:
    """Spell the name of an image with its tag, as everybody reads it: `alpine` is `alpine:latest`.

    With a digest (`alpine@sha256:...`) it is that one image and no other.

    Raises:
        ImageNameError: When no image can be called so.
    """
    found = _NAME.fullmatch(name)
    if not found or ".." in name:
        raise ImageNameError(
            f"'{name[:100]}' cannot be the name of an image: letters, digits and '._/:-', and a "
            "digest if it is to be one image and no other ('@sha256:' and 64 digits)."
        )
    has_tag = found["digest"] or ":" in name.rpartition("/")[2]
    return name if has_tag else f"{name}:latest"
