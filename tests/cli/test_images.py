"""`millwright images`: what containers may be made of, on this machine."""

import json
from pathlib import Path

import pytest

from cli.main import FAILED, OK, USAGE, main
from tests.fixtures.images import TAG, layout_of_busybox


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "images"
    monkeypatch.setenv("MILLWRIGHT_PROGRAMS_IMAGES", str(folder))
    return folder


@pytest.mark.usefixtures("folder")
def test_images_are_added_listed_and_removed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layout = layout_of_busybox(tmp_path / "layout", "--config.cmd=true")
    assert main(["images", "list"]) == OK
    assert "millwright images add" in capsys.readouterr().out
    assert main(["images", "add", "plant/tool", str(layout), "--tag", TAG]) == OK
    assert "plant/tool:latest" in capsys.readouterr().out
    assert main(["images", "list", "--json"]) == OK
    (image,) = json.loads(capsys.readouterr().out)
    assert (image["name"], image["cmd"]) == ("plant/tool:latest", ["true"])
    assert main(["images", "remove", "plant/tool"]) == OK
    assert main(["images", "remove", "plant/tool"]) == FAILED
    assert "There is no image 'plant/tool:latest'" in capsys.readouterr().err


def test_what_is_no_image_and_where_there_is_no_folder_is_told(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["images", "add", "../tool", str(tmp_path)]) == FAILED
    assert "cannot be the name of an image" in capsys.readouterr().err
    assert not folder.exists()
    monkeypatch.delenv("MILLWRIGHT_PROGRAMS_IMAGES")
    assert main(["images", "list"]) == USAGE
    assert "MILLWRIGHT_PROGRAMS_IMAGES" in capsys.readouterr().err
