"""Containers: they see their image and nothing else, and take no more than programs may."""

import asyncio
import os
import stat
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias
from uuid import uuid4

import pytest

from activities.programs.sandbox import (
    Container,
    Finished,
    ImageMissingError,
    Images,
    Sandbox,
    bubblewrap,
)
from activities.programs.sandbox.errors import ProgramInputError
from activities.programs.sandbox.images import folder_of
from activities.programs.sandbox.surroundings import ENVIRONMENT
from activities.programs.unpacking import add, remove
from foundation.errors import InvalidInputError, NotFoundError
from security.features.images import ImageNameError
from tests.activities.programs.conftest import MIB, SMALL, until
from tests.fixtures.images import TAG, layout_of_busybox

pytestmark = pytest.mark.anyio

NAME = "plant/tool:1.0"
GIVEN = {"environment", "stdin", "hostname"}
Contain: TypeAlias = Callable[..., Coroutine[Any, Any, Finished]]


@pytest.fixture
def contain(sandbox: Sandbox, images_folder: Path) -> Contain:
    """Run a container; its limits by name."""

    async def run(command: str = "", *arguments: str, **more: Any) -> Finished:
        given = {
            name: more.pop(name) for name in ("environment", "stdin", "hostname") & more.keys()
        }
        container = Container(Images(images_folder).find(NAME), command, arguments, **given)
        return await sandbox.run(container, replace(SMALL, **more))

    return run


async def said(contain: Contain, command: str, *arguments: str, **more: Any) -> str:
    ended = await contain(command, *arguments, **more)
    assert (ended.code, ended.exceeded) == (0, None), ended
    return ended.stdout.decode()


async def test_without_a_command_the_image_says_what_runs(contain: Contain) -> None:
    assert await said(contain, "") == "hello world\n"
    assert await said(contain, "", "press", "4") == "hello press 4\n"


async def test_what_starts_it_stands_in_for_no_program_of_the_image(
    sandbox: Sandbox, images_folder: Path
) -> None:
    image = Images(images_folder).find(NAME)

    async def started(*words: str) -> Finished:
        about = image.about.model_copy(update={"entrypoint": words, "cmd": ()})
        return await sandbox.run(Container(replace(image, about=about)), SMALL)

    # The busybox of the machine has both; the image has one of them, which is its own.
    ended = await started("date")
    assert (ended.code, ended.stdout) == (0, b"the date of the image\n")
    ended = await started("uname")
    assert (ended.code, ended.stdout) == (127, b"")
    assert b"There is no program 'uname' in the image." in ended.stderr


async def test_a_command_is_for_the_shell_of_the_image(contain: Contain) -> None:
    command = 'input=$(cat)\necho "STDIN was: $input"\necho "ARGS are $1 $2"'
    found = await said(contain, command, "Foo", "Bar baz", stdin="Hello\n")
    assert found == "STDIN was: Hello\nARGS are Foo Bar baz\n"


async def test_it_has_the_variables_and_the_folder_of_its_image(contain: Contain) -> None:
    environment = {"SHIFT": "night"}
    found = await said(contain, "pwd; cat data.txt; echo $LINE $SHIFT", environment=environment)
    assert found == "/work\nof the image\n4 night\n"
    assert await said(contain, "echo $LINE", environment={"LINE": "5"}) == "5\n"
    assert await said(contain, "hostname", hostname="hello-4") == "hello-4\n"


async def test_its_variables_are_those_that_it_and_its_image_asked_for_and_no_others(
    sandbox: Sandbox, images_folder: Path
) -> None:
    image = Images(images_folder).find(NAME)
    about = image.about.model_copy(update={"entrypoint": ("env", "-0"), "cmd": ()})
    # Each of these is something to the shell that starts it.
    asked = {
        **dict.fromkeys(("name", "folder", "program", "IFS", "PWD", "OLDPWD", "PPID"), "own"),
        **dict.fromkeys(("SHLVL", "OPTIND", "LINENO", "RANDOM", "ENV", "PS1", "_"), "7"),
        "TEXT": "'quoted' \"twice\" $HOME `id` \\ ~ * é\u0101\u0081 1\n2",
    }
    for given in (asked, {}):
        container = Container(replace(image, about=about), environment=given)
        found = (await sandbox.run(container, SMALL)).stdout.decode()
        expected = {**ENVIRONMENT, "LINE": "4", **given}
        assert dict(each.split("=", 1) for each in found.split("\0") if each) == expected


async def test_an_image_with_a_variable_that_cannot_be_given_is_refused_and_named(
    sandbox: Sandbox, images_folder: Path
) -> None:
    image = Images(images_folder).find(NAME)
    about = image.about.model_copy(update={"env": ("discovery.type=single",)})
    with pytest.raises(ProgramInputError, match=r"'plant/tool:1\.0' .* 'discovery\.type'"):
        await sandbox.run(Container(replace(image, about=about)), SMALL)


async def test_it_sees_its_image_and_nothing_of_the_machine(
    contain: Contain, tmp_path: Path
) -> None:
    secret = tmp_path / f"canary-{uuid4().hex}"
    secret.write_text("here")
    found = await said(contain, "ls -A /; ls -A /etc /usr")
    assert set(found.split()) >= {"proc", "dev", "tmp", "usr", "work", "bin", "passwd"}
    assert not {"home", "root", "lib", "local", "shadow"} & set(found.split())
    assert (await contain('cat "$1"', str(secret))).code != 0
    assert "Millwright" not in await said(contain, "env")
    processes = await said(contain, "ls -d /proc/[0-9]*")
    assert len(processes.split()) <= 4


async def test_it_is_nobody_and_writes_nowhere_but_in_its_temporary_folder(
    contain: Contain, images_folder: Path
) -> None:
    assert "uid=65534" in await said(contain, "id")
    for path in ("/made", "/work/made", "/usr/bin/made", "/.millwright/made", "/dev/made"):
        assert (await contain('touch "$1"', path)).code != 0, path
    assert await said(contain, "touch /tmp/made && ls /tmp") == "made\n"
    assert await said(contain, "ls /tmp") == ""
    root = Images(images_folder).find(NAME).root
    assert not list(root.rglob("made"))


async def test_it_has_no_network(contain: Contain) -> None:
    assert "lo" in (
        found := await said(contain, "ls /sys/class/net 2>/dev/null; cat /proc/net/dev")
    )
    assert "eth" not in found
    reached = await contain("wget -T 2 -q -O - http://127.0.0.1:22 http://1.1.1.1")
    assert reached.code != 0


@pytest.mark.parametrize(
    ("command", "limits", "exceeded"),
    [
        ("sleep 100", {"time_s": 0.5}, "time"),
        ("yes", {}, "output"),
        ("while true; do :; done", {"cpu_s": 1}, "cpu"),
    ],
)
async def test_it_is_ended_at_its_limits(
    contain: Contain, command: str, limits: dict[str, Any], exceeded: str
) -> None:
    assert (await contain(command, **limits)).exceeded == exceeded


async def test_it_cannot_take_all_memory_processes_or_disk(contain: Contain) -> None:
    held = await contain("dd if=/dev/zero bs=200M count=1 | tail -c 200M | wc -c", time_s=30)
    assert str(200 * MIB).encode() not in held.stdout
    crowd = (
        "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do sleep 5 & done; echo $i"
    )
    assert b"20" not in (await contain(crowd, time_s=30)).stdout
    full = await contain("dd if=/dev/zero of=/tmp/large bs=1M count=20")
    assert full.code != 0


async def test_a_container_that_is_cancelled_is_gone(contain: Contain) -> None:
    mark = f"77{os.getpid()}"
    running = asyncio.create_task(contain(f"sleep {mark}", time_s=60))

    def is_there() -> bool:
        return any(mark.encode() in _command_line(each) for each in Path("/proc").glob("[0-9]*"))

    await until(is_there)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await until(lambda: not is_there())


def _command_line(process: Path) -> bytes:
    try:
        words = (process / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return b""
    # Not this test itself, nor what only holds the words of the container.
    return b" ".join(words) if words[0].endswith(b"sleep") else b""


async def test_what_is_not_in_the_image_ends_as_in_every_shell(contain: Contain) -> None:
    ended = await contain("no-such-tool")
    assert (ended.code, b"not found" in ended.stderr) == (127, True)


@pytest.mark.parametrize(
    "given",
    [
        {"hostname": "-x"},
        {"hostname": "a" * 64},
        {"environment": {"LD_PRELOAD": "/x"}},
        {"environment": {"a b": "c"}},
        {"stdin": "\ud800"},
    ],
)
async def test_what_no_container_can_be_given_is_refused(
    contain: Contain, given: dict[str, Any]
) -> None:
    with pytest.raises(ProgramInputError):
        await contain("true", **given)


# --- Images -----------------------------------------------------------------------------------


def test_an_image_is_found_by_its_name_and_tag(images_folder: Path, tmp_path: Path) -> None:
    images = Images(images_folder)
    assert [each.about.name for each in images.all()] == [NAME]
    assert images.find(NAME).about.digest.startswith("sha256:")
    for name in ("plant/tool", "plant/tool:2.0", "tool:1.0"):
        with pytest.raises(ImageMissingError, match="millwright images add"):
            images.find(name)
    with pytest.raises(ImageMissingError, match="MILLWRIGHT_PROGRAMS_IMAGES"):
        Images().find(NAME)
    assert list(Images(tmp_path / "none").all()) == []


@pytest.mark.parametrize(
    "name",
    ["", "../x", "/etc", "a b", "a/../../b", "x" * 300, ".hidden", "a@b", "a@sha256:12", "a\n"],
)
def test_what_cannot_be_a_name_is_refused(images_folder: Path, name: str) -> None:
    with pytest.raises(ImageNameError):
        Images(images_folder).find(name)


def test_a_name_that_no_folder_can_have_says_what_to_do(tmp_path: Path) -> None:
    images = Images(tmp_path)
    name = "registry.example.com/" + "/".join(["line"] * 33) + ":1.4"
    message = r"of 257 bytes, and 255 .* shorter name"
    with pytest.raises(ProgramInputError, match=message):
        images.find(name)
    with pytest.raises(ProgramInputError, match=message):
        add(tmp_path, name, tmp_path)
    # One that just fits is looked for.
    with pytest.raises(ImageMissingError):
        images.find("/".join(["line"] * 35) + ":1234567890")


def test_an_image_without_a_tag_is_the_latest_and_is_replaced(tmp_path: Path) -> None:
    layout, folder = layout_of_busybox(tmp_path / "one", "--config.cmd=true"), tmp_path / "images"
    first = add(folder, "alpine", layout)
    assert (first.about.name, first.about.cmd) == ("alpine:latest", ("true",))
    other = layout_of_busybox(tmp_path / "two", "--config.cmd=env")
    assert add(folder, "alpine:latest", other, TAG).about.cmd == ("env",)
    assert Images(folder).find("alpine").about.cmd == ("env",)
    assert [each.name for each in folder.iterdir()] == ["alpine%3Alatest"]
    remove(folder, "alpine")
    assert list(folder.iterdir()) == []
    with pytest.raises(NotFoundError):
        remove(folder, "alpine")


def test_a_name_with_a_digest_is_that_image_and_no_other(tmp_path: Path) -> None:
    layout, folder = layout_of_busybox(tmp_path / "layout"), tmp_path / "images"
    digest = add(folder, "tool:1", layout).about.digest
    assert add(folder, f"tool@{digest}", layout).about.name == f"tool@{digest}"
    other = f"tool@sha256:{'0' * 64}"
    with pytest.raises(InvalidInputError, match=f"is {digest}, and not .* add it as 'tool@sha256"):
        add(folder, other, layout)
    assert [each.about.name for each in Images(folder).all()] == ["tool:1", f"tool@{digest}"]


def test_what_is_no_layout_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    with pytest.raises(InvalidInputError, match="OCI"):
        add(folder, "alpine", tmp_path)
    layout = layout_of_busybox(tmp_path / "layout")
    with pytest.raises(InvalidInputError, match=r"It has: 1\.0"):
        add(folder, "alpine", layout, "2.0")
    for blob in (layout / "blobs/sha256").iterdir():
        if blob.stat().st_size > 10_000:
            blob.write_bytes(b"broken")
    with pytest.raises(InvalidInputError, match="cannot unpack"):
        add(folder, "alpine", layout)
    assert list(folder.iterdir()) == []


async def test_an_image_can_be_read_whoever_adds_it(sandbox: Sandbox, images_folder: Path) -> None:
    folder = images_folder.parent / f"private-{uuid4().hex}"
    before = os.umask(0o077)
    try:
        image = add(folder, "tool", images_folder.parent / "layout")
    finally:
        os.umask(before)
    assert (await sandbox.run(Container(image), SMALL)).stdout == b"hello world\n"
    # The worker may be another user, too.
    readable = [folder, image.root.parent, image.root, image.root.parent / "image.json"]
    assert [stat.S_IMODE(each.stat().st_mode) for each in readable] == [0o755] * 3 + [0o644]


async def test_what_an_image_keeps_for_its_own_users_is_there_for_its_program(
    sandbox: Sandbox, reachable_folder: Path
) -> None:
    layout = layout_of_busybox(
        reachable_folder / "layout",
        "--config.workingdir=/srv/own",
        files=[("srv/own/data.txt", "kept\n"), ("srv/own/tool", "#!/bin/sh\ncat data.txt\n")],
        private=["srv/own/data.txt", "srv/own/tool", "srv/own", "srv"],
    )
    image = add(reachable_folder / "images", "private", layout)
    ended = await sandbox.run(Container(image, "pwd; ./tool"), SMALL)
    assert (ended.code, ended.stdout) == (0, b"/srv/own\nkept\n")


@pytest.mark.skipif(os.geteuid() != 0, reason="Who owns a folder may enter it.")
async def test_a_folder_that_nobody_may_enter_is_named_with_the_next_step(
    sandbox: Sandbox, reachable_folder: Path
) -> None:
    layout = layout_of_busybox(
        reachable_folder / "layout", "--config.workingdir=/srv", files=[("srv/data.txt", "kept")]
    )
    image = add(reachable_folder / "images", "old", layout)
    (image.root / "srv").chmod(0o700)
    with pytest.raises(ImageMissingError, match=r"begins in /srv, .* Add the image again"):
        await sandbox.run(Container(image, "true"), SMALL)


def test_what_links_of_an_image_lead_to_is_left_alone(reachable_folder: Path) -> None:
    canary = reachable_folder / "canary"
    canary.write_text("of somebody")
    canary.chmod(0o600)
    folder = reachable_folder / "images"
    image = folder / folder_of("tool:1")
    locked = image / "rootfs/locked"
    locked.mkdir(parents=True)
    (locked / "link").symlink_to(canary)
    (image / "rootfs/all").symlink_to(reachable_folder)
    locked.chmod(0o500)
    with as_nobody(reachable_folder):
        remove(folder, "tool:1")
        assert list(folder.iterdir()) == []
    assert (canary.read_text(), stat.S_IMODE(canary.stat().st_mode)) == ("of somebody", 0o600)


@contextmanager
def as_nobody(place: Path) -> Iterator[None]:
    """Be a user for whom modes hold, who has the files in a folder: they do not hold for root."""
    before = os.geteuid()
    if before != 0:
        yield
        return
    for each in [place, *place.rglob("*")]:
        os.chown(each, bubblewrap.UNPRIVILEGED, -1, follow_symlinks=False)
    os.seteuid(bubblewrap.UNPRIVILEGED)
    try:
        yield
    finally:
        os.seteuid(before)


@pytest.mark.parametrize("member", ["env", "entrypoint", "cmd", "working_dir"])
async def test_an_image_cannot_give_the_sandbox_options(
    sandbox: Sandbox, images_folder: Path, member: str
) -> None:
    image = Images(images_folder).find(NAME)
    hostile = "A=x\0--share-net\0--bind\0/\0/work"
    given = hostile if member == "working_dir" else (hostile,)
    about = image.about.model_copy(update={member: given})
    container = Container(replace(image, about=about), "cat /proc/net/dev; ls /work")
    with pytest.raises(ProgramInputError, match="NUL"):
        await sandbox.run(container, SMALL)


def test_no_option_of_the_sandbox_becomes_several() -> None:
    with pytest.raises(ProgramInputError, match="NUL"):
        bubblewrap._joined(["--setenv", "A", "x\0--share-net"])


async def test_an_image_that_runs_nothing_needs_a_command(sandbox: Sandbox, tmp_path: Path) -> None:
    image = add(tmp_path / "images", "empty", layout_of_busybox(tmp_path / "layout"))
    with pytest.raises(ProgramInputError, match="Give a 'command'"):
        await sandbox.run(Container(image), SMALL)
