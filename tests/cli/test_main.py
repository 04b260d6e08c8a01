import json
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from cli.main import FAILED, OK, USAGE, main
from deploy.database.migrate import head
from deploy.local.ports import free_port
from deploy.local.processes import Program, last_lines, run


def test_help_lists_the_commands_without_importing_what_they_need(tmp_path: Path) -> None:
    code = (
        "import sys; from cli.main import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'pydantic', 'sqlalchemy', 'temporalio'} & set(sys.modules)))"
    )
    log = tmp_path / "help.log"
    run(Program("help", (sys.executable, "-c", code), log), within_s=10)
    said = last_lines(log, 50)
    assert said[-1] == "[]"
    for command in ("dev", "migrate", "doctor", "version"):
        assert any(line.strip().startswith(command) for line in said)


def test_a_mistyped_command_is_answered_with_the_likely_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["docter"]) == USAGE
    assert "Did you mean 'doctor'?" in capsys.readouterr().err


def test_an_unknown_command_is_answered_with_those_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["zzz"]) == USAGE
    assert "There are: dev" in capsys.readouterr().err


def test_a_wrong_flag_is_a_usage_error_in_two_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["dev", "--api-port", "many"])
    assert left.value.code == USAGE
    assert "argument --api-port" in capsys.readouterr().err


def test_versions_are_shown_for_people_and_for_machines(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["version"]) == OK
    assert f"Millwright {version('millwright')}" in capsys.readouterr().out
    assert main(["version", "--json"]) == OK
    assert json.loads(capsys.readouterr().out)["millwright"] == version("millwright")


def test_a_setting_that_cannot_be_read_is_named_by_its_variable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MILLWRIGHT_API_PORT", "eighty")
    assert main(["doctor"]) == FAILED
    assert "MILLWRIGHT_API_PORT cannot be used" in capsys.readouterr().err


def test_migrate_brings_a_database_up_to_date_and_says_so(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MILLWRIGHT_DATABASE_URL", empty_database_url)
    assert main(["migrate", "--check"]) == FAILED
    assert "Run: millwright migrate" in capsys.readouterr().out
    assert main(["migrate"]) == OK
    assert main(["migrate", "--check", "--json"]) == OK
    answer = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert answer == {"before": head(), "after": head(), "up_to_date": True}


def test_a_database_that_is_not_there_is_one_sentence_and_a_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"postgresql+psycopg://millwright@127.0.0.1:{free_port()}/millwright"
    monkeypatch.setenv("MILLWRIGHT_DATABASE_URL", url)
    assert main(["migrate"]) == FAILED
    said = capsys.readouterr().err
    assert "cannot be reached" in said
    assert "Traceback" not in said


def test_the_local_stack_is_refused_in_production(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("MILLWRIGHT_PROFILE", "production")
    assert main(["dev", "--data-dir", str(tmp_path / "data")]) == FAILED
    assert "has no place there" in capsys.readouterr().err
    assert not (tmp_path / "data").exists()
