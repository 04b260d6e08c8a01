"""Images of containers: what an operator has unpacked for the workers that run programs.

Nothing is ever pulled to run something: whoever may publish a definition would decide what comes
into the plant. An image is a folder with its files (`rootfs`) and what it runs (`image.json`).
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from pydantic import BaseModel, ValidationError

from activities.programs.sandbox.errors import ImageMissingError, ProgramInputError
from activities.programs.sandbox.holding import used
from security.features.images import image_name

ABOUT: Final = "image.json"
FILES: Final = "rootfs"
# Of every file system on which images are kept.
_MAX_FOLDER_BYTES: Final = 255
_NOWHERE: Final = (
    "This worker has no images: it was started without MILLWRIGHT_PROGRAMS_IMAGES, the folder in "
    "which they are. Add one with: millwright images add"
)


class About(BaseModel, frozen=True):
    """What an image says of itself, in the words of OCI.

    Attributes:
        name: With its tag or digest.
        digest: Of its manifest.
        entrypoint: What it runs, whatever the arguments.
        cmd: What it runs, or the arguments, where nobody gives others.
        env: `NAME=value`.
        working_dir: Where what it runs begins.
    """

    name: str
    digest: str
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    working_dir: str = "/"


@dataclass(frozen=True)
class Image:
    """An image that is there.

    Attributes:
        root: The folder that a container sees as `/`.
    """

    about: About
    root: Path

    @property
    def environment(self) -> Mapping[str, str]:
        """Its variables."""
        pairs = (each.partition("=") for each in self.about.env)
        return {name: text for name, _, text in pairs}


@dataclass(frozen=True)
class Images:
    """The images of one worker.

    Attributes:
        folder: Where they are; without one there are none.
    """

    folder: Path | None = None

    def find(self, name: str) -> Image:
        """Return an image by the name that a definition gives it.

        Raises:
            InvalidInputError: When no image can be called so.
            ImageMissingError: When it is not there, or cannot be read.
        """
        return _read(self._place(reference(name)))

    @contextmanager
    def opened(self, name: str) -> Iterator[Image]:
        """Find an image, and keep it from being removed or replaced meanwhile.

        Raises:
            InvalidInputError: When no image can be called so.
            ImageMissingError: When it is not there, or cannot be read.
        """
        wanted = reference(name)
        with ExitStack() as held:
            try:
                held.enter_context(used(self._place(wanted)))
            except FileNotFoundError:
                raise ImageMissingError(_missing(wanted)) from None
            yield self.find(wanted)

    def _place(self, wanted: str) -> Path:
        if self.folder is None:
            raise ImageMissingError(_NOWHERE)
        place = self.folder / folder_of(wanted)
        if not place.is_dir():
            raise ImageMissingError(_missing(wanted))
        return place

    def all(self) -> Iterator[Image]:
        """Return all images, by their names.

        Raises:
            ImageMissingError: When one cannot be read.
        """
        if self.folder is None or not self.folder.is_dir():
            return
        for place in sorted(self.folder.iterdir()):
            # What is being unpacked has a name that no image can have.
            if not place.name.startswith("."):
                yield _read(place)


def reference(name: str) -> str:
    """Spell the name of an image with its tag, as everybody reads it: `alpine` is `alpine:latest`.

    Raises:
        ImageNameError: When no image can be called so.
        ProgramInputError: When no folder can.
    """
    spelled = image_name(name)
    if (length := len(folder_of(spelled))) > _MAX_FOLDER_BYTES:
        raise ProgramInputError(
            f"'{spelled[:100]}...' is too long for the name of an image: its folder would have a "
            f"name of {length} bytes, and {_MAX_FOLDER_BYTES} is the most. '/', ':' and '@' count "
            "three times. Add it under a shorter name, for example without its registry."
        )
    return spelled


def folder_of(wanted: str) -> str:
    """Name the folder of an image."""
    return quote(wanted, safe="")


def _missing(wanted: str) -> str:
    return (
        f"There is no image '{wanted}' on this worker, and none is ever pulled. Whoever operates "
        "it adds images with: millwright images add"
    )


def _read(place: Path) -> Image:
    try:
        about = About.model_validate(json.loads((place / ABOUT).read_text(encoding="utf-8")))
    except (OSError, ValueError, ValidationError) as error:
        raise ImageMissingError(
            f"The image in {place} cannot be read ({type(error).__name__}). Add it again."
        ) from error
    return Image(about, place / FILES)
