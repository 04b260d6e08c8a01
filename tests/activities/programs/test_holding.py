"""An image that is in use stays as it is."""

import fcntl
import subprocess
import sys
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from activities.programs.sandbox import Image, ImageMissingError, Images
from activities.programs.sandbox.holding import ImageInUseError
from activities.programs.sandbox.images import folder_of
from activities.programs.unpacking import add, remove
from tests.fixtures.images import layout_of_busybox

ROOT = Path(__file__).parents[3]
USER = (
    "import sys\n"
    "from pathlib import Path\n"
    "from activities.programs.sandbox import Images\n"
    "with Images(Path(sys.argv[1])).opened('tool:1'):\n"
    "    print('opened', flush=True)\n"
    "    sys.stdin.read()\n"
)


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    return layout_of_busybox(tmp_path / "layout", "--config.cmd=true")


@pytest.fixture
def folder(tmp_path: Path, layout: Path) -> Path:
    add(tmp_path / "images", "tool:1", layout)
    return tmp_path / "images"


def test_an_image_in_use_is_neither_removed_nor_replaced(folder: Path, tmp_path: Path) -> None:
    other = layout_of_busybox(tmp_path / "other", "--config.cmd=env")
    images = Images(folder)
    with images.opened("tool:1") as image, images.opened("tool:1"):
        for change in (lambda: remove(folder, "tool:1"), lambda: add(folder, "tool:1", other)):
            with pytest.raises(ImageInUseError, match="another tag"):
                change()
        assert (images.find("tool:1"), image.about.cmd) == (image, ("true",))
        assert (image.root / "usr/bin/busybox").exists()
        # Others can be added, and nothing of what was refused is left.
        add(folder, "tool:2", other)
        assert {each.name for each in folder.iterdir()} == {"tool%3A1", "tool%3A2"}
    assert add(folder, "tool:1", other).about.cmd == ("env",)
    remove(folder, "tool:1")


def test_an_image_is_free_when_whoever_used_it_was_killed(folder: Path) -> None:
    with subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-c", USER, str(folder)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as user:
        assert user.stdout is not None
        assert user.stdout.readline() == b"opened\n"
        with pytest.raises(ImageInUseError):
            remove(folder, "tool:1")
        user.kill()
    remove(folder, "tool:1")


@pytest.mark.parametrize("replaced", [True, False])
def test_an_image_that_is_changed_while_it_is_waited_for_is_looked_up_anew(
    folder: Path, layout: Path, monkeypatch: pytest.MonkeyPatch, *, replaced: bool
) -> None:
    place, lock = folder / folder_of("tool:1"), fcntl.flock
    add(folder, "tool:2", layout)

    def late(descriptor: int, how: int) -> None:
        monkeypatch.setattr(fcntl, "flock", lock)
        place.rename(folder.parent / "before")
        if replaced:
            (folder / folder_of("tool:2")).rename(place)
        lock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", late)
    if not replaced:
        with pytest.raises(ImageMissingError, match="no image 'tool:1'"), _opened(folder):
            pass
        return
    with _opened(folder) as image:
        assert image.about.name == "tool:2"
        with pytest.raises(ImageInUseError):
            remove(folder, "tool:1")


def _opened(folder: Path) -> AbstractContextManager[Image]:
    return Images(folder).opened("tool:1")
