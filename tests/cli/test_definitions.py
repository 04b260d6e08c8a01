"""`millwright validate` and `millwright graph`."""

import io
import json
import sys
from pathlib import Path

import pytest

from cli.main import main

GOOD = """\
document: { dsl: '1.0.3', namespace: tests, name: sample, version: '1.0.0' }
do: [ { greet: { set: { text: Hello } } } ]
"""


@pytest.fixture
def good(tmp_path: Path) -> Path:
    file = tmp_path / "good.yaml"
    file.write_text(GOOD)
    return file


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    file = tmp_path / "bad.yaml"
    file.write_text(GOOD.replace("greet: {", "greet: { then: gret,"))
    return file


def test_a_good_definition_is_called_good(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", str(good)]) == 0
    assert capsys.readouterr().out == f"{good}: good\n"


def test_a_finding_has_its_place_and_fails_the_command(
    good: Path, bad: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["validate", str(good), str(bad)]) == 1
    line = capsys.readouterr().out.splitlines()[1]
    assert line.startswith(f"{bad}:2:")
    assert "[unknown-target]" in line


def test_findings_are_there_for_machines(bad: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", "--json", str(bad)]) == 1
    (finding,) = json.loads(capsys.readouterr().out)[str(bad)]
    assert (finding["code"], finding["pointer"]) == ("unknown-target", "/do/0/greet/then")


def test_a_file_that_is_not_there_is_a_message(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", "nowhere.yaml"]) == 2
    assert "nowhere.yaml cannot be read" in capsys.readouterr().err


def test_a_definition_is_drawn_from_standard_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(GOOD.encode())))
    assert main(["graph", "-"]) == 0
    assert capsys.readouterr().out.startswith("flowchart TD\n")


def test_what_cannot_be_published_is_not_drawn(
    bad: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["graph", str(bad)]) == 1
    assert "[unknown-target]" in capsys.readouterr().err
