"""A sandbox that does not hold is found out when the worker starts."""

import os
import shutil
from pathlib import Path

import pytest

from activities.programs.sandbox import (
    Bubblewrap,
    Limits,
    Program,
    Refusing,
    Sandbox,
    SandboxRefusedError,
    bubblewrap,
    surroundings,
)
from activities.programs.sandbox.probe import proven, proven_for_images

pytestmark = pytest.mark.anyio


def pretender(folder: Path, body: str) -> str:
    """Make a bwrap that does what a test wants."""
    file = folder / "bwrap"
    file.write_text(f"#!/bin/sh\n{body}\n")
    file.chmod(0o755)
    # The worker gives its rights up before: this has to be reachable for anybody.
    for each in [folder, *folder.parents]:
        if each.stat().st_uid == os.getuid() and each != Path("/"):
            each.chmod(each.stat().st_mode | 0o055)
    return str(file)


async def test_a_bwrap_that_makes_no_namespaces_is_refused(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = pretender(tmp_path, "echo 'bwrap: No permissions to create new namespace' >&2; exit 1")
    monkeypatch.setattr(Bubblewrap, "found", lambda: replaced(sandbox, fake))
    found = await proven()
    assert isinstance(found, Refusing)
    assert "No permissions to create new namespace" in found.reason


@pytest.mark.parametrize(
    ("dropped", "problem"),
    [
        ("--unshare-net", "namespaces are shared with the worker: net:"),
        ("--unshare-ipc", "namespaces are shared with the worker: ipc:"),
        ("--unshare-uts", "namespaces are shared with the worker: uts:"),
        ("--seccomp", "system calls are not filtered"),
        ("--remount-ro", "the program writes /"),
    ],
)
@pytest.mark.parametrize("of_an_image", [False, True])
async def test_what_is_missing_is_named(
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    dropped: str,
    problem: str,
    *,
    of_an_image: bool,
) -> None:
    original = bubblewrap._Given.file

    def without(given: bubblewrap._Given, content: bytes) -> int:
        words = content.split(b"\0")
        if b"--unshare-user" in words:
            at = words.index(dropped.encode())
            number = {"--seccomp": 2, "--remount-ro": 0}.get(dropped, 1)
            if dropped == "--remount-ro":
                # The last one, that of `/`.
                at = max(n for n, word in enumerate(words) if word == b"--remount-ro")
                number = 2
            if dropped == "--unshare-uts":
                host = words.index(b"--hostname")
                del words[host : host + 2]
            del words[at : at + number]
            content = b"\0".join(words)
        return original(given, content)

    monkeypatch.setattr(bubblewrap._Given, "file", without)
    found = await (proven_for_images(sandbox) if of_an_image else proven())
    assert isinstance(found, Refusing)
    assert problem in found.reason


async def test_without_bubblewrap_the_reason_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("activities.programs.sandbox.bubblewrap._TOOLS", "/nowhere")
    found = await proven()
    assert found == Refusing("'bwrap' is not installed. Debian, Ubuntu: apt-get install bubblewrap")


async def test_a_sandbox_that_lets_containers_start_any_number_of_processes_is_found_out(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlimited = surroundings._START.replace("ulimit -u {processes}", "true")
    monkeypatch.setattr(surroundings, "_START", unlimited)
    found = await proven_for_images(sandbox)
    assert found == Refusing("the number of processes is not limited.", "containers")


async def test_a_worker_that_keeps_its_files_to_itself_runs_containers(sandbox: Sandbox) -> None:
    before = os.umask(0o077)
    try:
        assert await proven_for_images(sandbox) is sandbox
    finally:
        os.umask(before)


async def test_without_what_starts_containers_the_reason_says_what_to_install(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    found = await proven_for_images(sandbox)
    assert isinstance(found, Refusing)
    assert "apt-get install busybox-static" in found.reason
    with pytest.raises(SandboxRefusedError, match="runs no containers"):
        await found.run(Program("sh", "true"), Limits())


async def test_where_no_program_is_isolated_no_container_is() -> None:
    refusing = Refusing("no bwrap")
    assert await proven_for_images(refusing) is refusing


def replaced(sandbox: Sandbox, bwrap: str) -> Bubblewrap:
    if not isinstance(sandbox, Bubblewrap):
        raise SandboxRefusedError("no sandbox")
    return Bubblewrap(bwrap, sandbox.prlimit, sandbox.setpriv)
