import http.client
import json
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.local.folder import Folder
from deploy.local.ports import LOOPBACK, free_port, is_open
from deploy.local.processes import Child, Program, last_lines
from foundation.json import JsonObject
from tests.deploy.proc import leftovers, until

START_S = 60.0


@dataclass
class Dev:
    """One `millwright dev` and what it said about itself."""

    child: Child
    says: JsonObject

    @property
    def pids(self) -> dict[str, int]:
        processes = self.says["processes"]
        assert isinstance(processes, dict)
        return {name: pid for name, pid in processes.items() if isinstance(pid, int)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One data folder, used by one stack after another as on a real machine."""
    folder = Folder(tmp_path_factory.mktemp("stack") / "data")
    folder.prepare()
    return folder.root


def dev_program(folder: Path, ports: dict[str, int], *flags: str) -> Program:
    chosen = [part for name, port in ports.items() for part in (f"--{name}-port", str(port))]
    command = (sys.executable, "-m", "cli.main", "dev", "--json", "--data-dir", str(folder))
    log = folder.with_name("dev.log")
    return Program("millwright dev", (*command, *chosen, *flags), log, grace_s=30.0)


def free_ports() -> dict[str, int]:
    return {name: free_port() for name in ("api", "temporal", "ui", "excel")}


@contextmanager
def running(folder: Path, *flags: str) -> Iterator[Dev]:
    child = Child(dev_program(folder, free_ports(), *flags))
    try:
        child.wait_ready(lambda: description(child) is not None, START_S)
        yield Dev(child, json.loads(description(child) or ""))
    finally:
        child.stop()


def description(child: Child) -> str | None:
    """The one line of JSON on its standard output; it talks on standard error."""
    return next((line for line in last_lines(child.program.log) if line.startswith("{")), None)


def status_of(url: object, path: str) -> int:
    host = str(url).removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=10)
    connection.request("GET", path)
    status = connection.getresponse().status
    connection.close()
    return status


def login(dev: Dev) -> JsonObject:
    password = Path(str(dev.says["password_file"])).read_text()
    body = {"email": dev.says["email"], "password": password}
    connection = http.client.HTTPConnection(str(dev.says["api"]).removeprefix("http://"))
    headers = {"Content-Type": "application/json"}
    connection.request("POST", "/api/v1/auth/login", json.dumps(body), headers)
    answer: JsonObject = json.loads(connection.getresponse().read())
    connection.close()
    return answer


def test_everything_is_up_when_it_says_so_and_gone_after_ctrl_c(folder: Path) -> None:
    with running(folder) as dev:
        assert set(dev.pids) == {"PostgreSQL", "Temporal", "Excel MCP server", "API", "Worker"}
        assert status_of(dev.says["api"], "/readyz") == 200
        assert status_of(dev.says["ui"], "/") == 200
        assert login(dev)["access_token"]
        # Twice, as people do, and then with `kill`.
        for number in (signal.SIGINT, signal.SIGINT, signal.SIGTERM):
            os.kill(dev.child.pid, number)
        assert dev.child.wait(30)
    assert dev.child.returncode == 0
    assert leftovers(folder, dev.pids.values()) == []


def test_nothing_survives_a_stack_that_is_killed(folder: Path) -> None:
    with running(folder, "--in-memory") as dev:
        assert leftovers(folder, dev.pids.values()) != []
        os.kill(dev.child.pid, signal.SIGKILL)
        assert until(lambda: leftovers(folder, dev.pids.values()) == [])
        assert not is_open(LOOPBACK, int(str(dev.says["api"]).rpartition(":")[2]))


def test_a_part_that_dies_is_named_with_its_last_lines_and_the_rest_is_stopped(
    tmp_path: Path, empty_database_url: str, temporal_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MILLWRIGHT_DATABASE_URL", empty_database_url)
    monkeypatch.setenv("MILLWRIGHT_TEMPORAL_ADDRESS", temporal_address)
    with running(tmp_path / "data") as dev:
        # The servers that the settings name are used, and others are not started.
        assert set(dev.pids) == {"Excel MCP server", "API", "Worker"}
        assert dev.says["temporal"] == temporal_address
        os.kill(dev.pids["Worker"], signal.SIGKILL)
        assert dev.child.wait(30)
        said = "\n".join(last_lines(dev.child.program.log, 50))
    assert dev.child.returncode == 1
    assert "Worker ended by SIGKILL. The end of" in said
    assert "worker_ready" in said
    assert leftovers(tmp_path / "data", dev.pids.values()) == []


def test_a_second_stack_in_a_folder_is_refused(folder: Path) -> None:
    with Folder(folder).occupied():
        child = Child(dev_program(folder, free_ports()))
        assert child.wait(30)
    assert child.returncode == 1
    assert "Another stack runs in" in "\n".join(last_lines(child.program.log))


def test_a_taken_port_is_named_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        child = Child(dev_program(tmp_path / "data", free_ports() | {"ui": port}))
        assert child.wait(30)
    assert child.returncode == 1
    said = "\n".join(last_lines(child.program.log))
    assert f"Port {port} is taken. The Temporal Web UI wants it" in said
    assert "--ui-port or MILLWRIGHT_LOCAL_UI_PORT" in said
    assert not (tmp_path / "data").exists()
