from pathlib import Path

import pytest

from deploy.local.folder import Folder, kept_secret, new_token
from foundation.errors import ConflictError, InvalidInputError


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path / "data")
    folder.prepare()
    return folder


def test_a_secret_is_made_once_and_readable_for_its_owner_only(folder: Folder) -> None:
    first = kept_secret(folder.master_key, new_token())
    assert kept_secret(folder.master_key, new_token()) == first
    assert folder.master_key.stat().st_mode & 0o077 == 0
    assert folder.keys.stat().st_mode & 0o077 == 0


def test_two_stacks_in_one_folder_are_refused_and_the_first_is_named(folder: Folder) -> None:
    with (
        folder.occupied(),
        pytest.raises(ConflictError, match=r"Another stack runs .* \(process \d+\)"),
        folder.occupied(),
    ):
        pass


def test_a_folder_is_free_again_after_the_stack(folder: Folder) -> None:
    assert folder.in_use_by() is None
    with folder.occupied():
        assert folder.in_use_by() is not None
    assert folder.in_use_by() is None


def test_a_data_folder_that_cannot_be_made_is_named_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInputError, match="--data-dir"):
        Folder(tmp_path / "file" / "data").prepare()
