import json
import socket
from pathlib import Path

import pytest

from cli.main import FAILED, OK, main
from deploy.local.folder import Folder
from deploy.local.ports import LOOPBACK, free_port
from foundation.database import Database
from workflows.catalog import Catalog
from workflows.triggers.ledger import ScheduleLedger
from workflows.triggers.repository import Name, ScheduleRows

PORTS = ("--api-port", "--temporal-port", "--ui-port", "--excel-port")


@pytest.fixture
def flags(tmp_path: Path) -> list[str]:
    ports = [part for name in PORTS for part in (name, str(free_port()))]
    return ["doctor", "--data-dir", str(tmp_path / "data"), *ports]


def findings(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, str]]:
    return {finding["check"]: finding for finding in json.loads(capsys.readouterr().out)}


def test_a_machine_that_is_ready_passes_and_is_not_changed(
    flags: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(flags) == OK
    assert "fail" not in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_a_taken_port_fails_with_what_wants_it_and_the_flag_that_changes_it(
    flags: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        assert main([*flags, "--json", "--ui-port", str(port)]) == FAILED
    found = findings(capsys)["ports"]
    assert f"{port} is taken (The Temporal Web UI wants it)" in found["text"]
    assert "--ui-port" in found["fix"]


def test_a_stack_that_runs_here_is_no_failure(
    flags: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Folder(tmp_path / "data")
    folder.prepare()
    with folder.occupied(), socket.create_server((LOOPBACK, 0)) as taken:
        assert main([*flags, "--json", "--api-port", str(taken.getsockname()[1])]) == OK
    assert "runs (process" in findings(capsys)["stack"]["text"]


def test_a_database_that_is_behind_fails_with_the_command_that_mends_it(
    flags: list[str],
    empty_database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("MILLWRIGHT_DATABASE_URL", empty_database_url)
    assert main([*flags, "--json"]) == FAILED
    assert findings(capsys)["database"]["fix"] == "millwright migrate"


def test_a_temporal_that_is_not_there_fails(
    flags: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MILLWRIGHT_TEMPORAL_ADDRESS", f"{LOOPBACK}:{free_port()}")
    assert main([*flags, "--json"]) == FAILED
    assert "MILLWRIGHT_TEMPORAL_ADDRESS" in findings(capsys)["temporal"]["fix"]


def test_a_temporal_that_is_ready_passes(
    flags: list[str],
    temporal_address: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("MILLWRIGHT_TEMPORAL_ADDRESS", temporal_address)
    assert main([*flags, "--json"]) == OK
    assert findings(capsys)["temporal"]["verdict"] == "pass"


def test_production_without_a_master_key_fails_with_the_way_to_make_one(
    flags: list[str],
    database_url: str,
    temporal_address: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("MILLWRIGHT_PROFILE", "production")
    monkeypatch.setenv("MILLWRIGHT_DATABASE_URL", database_url)
    monkeypatch.setenv("MILLWRIGHT_TEMPORAL_ADDRESS", temporal_address)
    assert main([*flags, "--json"]) == FAILED
    found = findings(capsys)
    assert "MILLWRIGHT_SECURITY_MASTER_KEY" in found["master key"]["fix"]
    assert found["database"]["verdict"] == "pass"


def test_a_definition_that_does_not_start_by_itself_is_named_with_the_reason(
    flags: list[str],
    database: Database,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    name = Name("0-doctor", "press-line", "watch")
    ledger = ScheduleLedger(database, Catalog(database))
    with database.session() as session:
        ScheduleRows(session, name).add("1.2.0")
    task = ledger.hold(name)
    assert task is not None
    ledger.let_go(task, "Temporal does not accept this.")
    monkeypatch.setenv("MILLWRIGHT_DATABASE_URL", database_url)
    assert main([*flags, "--json"]) == OK
    found = findings(capsys)["schedules"]
    assert found["verdict"] == "warn"
    why = "0-doctor/press-line.watch 1.2.0: Temporal does not accept this."
    assert found["text"].startswith(why)
    again = ledger.hold(name)
    assert again is not None
    ledger.settle(again, keeps=False)
    assert main([*flags, "--json"]) == OK
    assert "0-doctor" not in findings(capsys)["schedules"]["text"]
