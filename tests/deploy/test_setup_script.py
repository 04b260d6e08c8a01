import shutil
from pathlib import Path

import pytest

from deploy.local.processes import Child, Program, last_lines

ROOT = Path(__file__).parents[2]
FILES = ("uv.lock", "pyproject.toml", "client/pyproject.toml", "scripts/setup")
TOOLS = ("sh", "dirname", "cat", "cksum", "cut", "id", "rm")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What the script reads, without an environment."""
    for name in FILES:
        (tmp_path / "clone" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / "clone" / name)
    return tmp_path / "clone"


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A PATH without any Python."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in TOOLS:
        (folder / tool).symlink_to(shutil.which(tool) or tool)
    return folder


def set_up(clone: Path, path: Path) -> tuple[int | None, str]:
    command = (str(clone / "scripts" / "setup"), "dev")
    log = clone.with_name("setup.log")
    child = Child(Program("setup", command, log, environment={"PATH": str(path)}))
    assert child.wait(20)
    return child.returncode, "\n".join(last_lines(log))


def test_a_machine_without_a_new_python_is_told_what_to_install(clone: Path, bare: Path) -> None:
    status, said = set_up(clone, bare)
    assert status == 1
    assert "Python 3.11 or newer is needed" in said


def test_nothing_is_done_when_nothing_changed_and_something_when_the_lock_did(
    clone: Path, bare: Path
) -> None:
    # The stamp of a real set-up; without Python on PATH, anything but "nothing" fails.
    stamp = clone / ".venv" / ".installed-dev"
    stamp.parent.mkdir()
    done = Child(
        Program(
            "stamp",
            ("sh", "-c", f"cd {clone} && cat {' '.join(FILES)} | cksum > {stamp}"),
            clone.with_name("stamp.log"),
        )
    )
    assert done.wait(10)
    assert set_up(clone, bare) == (0, "")
    with (clone / "uv.lock").open("a") as lock:
        lock.write("\n")
    assert set_up(clone, bare)[0] == 1
