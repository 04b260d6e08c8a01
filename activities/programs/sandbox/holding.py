"""Who uses an image and who changes it, kept apart: a lock of the kernel on the image's folder.

It ends with the process that has it, however that ends. Nothing is written, so a worker need not be
able to. It holds among the processes of one machine.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from foundation.errors import ConflictError


class ImageInUseError(ConflictError):
    """A container of the image runs."""

    code = "image-in-use"
    title = "The image is in use"


@contextmanager
def used(place: Path) -> Iterator[None]:
    """Keep an image from being changed; who changes it now is waited for.

    Raises:
        FileNotFoundError: When it is not there (any more).
    """
    with _locked(place, fcntl.LOCK_SH):
        yield


@contextmanager
def changed(place: Path) -> Iterator[None]:
    """Keep an image from being used.

    Raises:
        FileNotFoundError: When it is not there (any more).
        ImageInUseError: When a container of it runs, or somebody else changes it.
    """
    with ExitStack() as held:
        try:
            held.enter_context(_locked(place, fcntl.LOCK_EX | fcntl.LOCK_NB))
        except BlockingIOError as error:
            raise ImageInUseError(
                f"The image in {place} is in use. Try again when the containers of it have ended, "
                "or add the new one with another tag."
            ) from error
        yield


@contextmanager
def _locked(place: Path, how: int) -> Iterator[None]:
    while True:
        folder = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(folder, how)
            # While we waited another image may have come to this place.
            if os.path.samestat(os.fstat(folder), place.stat()):
                yield
                return
        finally:
            os.close(folder)
