"""`millwright mcp import` against the whole application."""

import getpass
import json
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from api.services import Services
from cli.main import FAILED, OK, USAGE
from foundation.settings import EgressSettings
from security.egress import UNRULED, Egress
from tests.api.people import Person
from tests.cli.test_secrets import PLANTED, Command, address, millwright, pipe, somebody
from tests.toolhub.importing.conftest import DOCUMENTS, document
from tests.toolhub.servers import Seen, good_server, serving

__all__ = ["address", "millwright", "pipe", "somebody"]
pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("somebody")]
SHEETS = str(DOCUMENTS / "sheets.json")


@pytest.fixture
async def egress() -> AsyncIterator[Egress]:
    egress = Egress(EgressSettings(allow_networks=["127.0.0.0/8"]), UNRULED)
    yield egress
    await egress.aclose()


@pytest.fixture(scope="module")
def good() -> Iterator[str]:
    with serving(good_server(Seen())) as url:
        yield url


@pytest.fixture
def secrets(tmp_path: Path) -> str:
    file = tmp_path / "secrets.json"
    file.write_text(json.dumps({"X-Api-Key": PLANTED}))
    return str(file)


async def test_a_file_is_imported_and_again_changes_nothing(
    millwright: Command, somebody: Person, services: Services, good: str, secrets: str
) -> None:
    given = ("mcp", "import", SHEETS, "--value", f"base_url={good}", "--secrets-from", secrets)
    status, out, _ = await millwright(*given)
    assert (status, out.splitlines()) == (
        OK,
        ["Registered 'sheet-server' (com.example.sheets/Sheet-Server 1.4.0). It has 6 tools."],
    )
    held = services.registry.credential_headers(somebody.tenant_id, "sheet-server")
    assert held == {"X-Api-Key": PLANTED}
    status, out, _ = await millwright("mcp", "import", SHEETS, "--json")
    assert (status, json.loads(out)["outcome"]) == (OK, "unchanged")


async def test_a_document_comes_from_standard_input(
    millwright: Command, pipe: Callable[[bytes], None]
) -> None:
    pipe(json.dumps(document("sheets")).encode())
    status, out, _ = await millwright("mcp", "import", "-", "--dry-run", "--name", "cells")
    assert status == FAILED  # something is missing
    assert "'cells' (com.example.sheets/Sheet-Server 1.4.0) would be: registered." in out
    assert [line.split()[:3] for line in out.splitlines()[-4:]] == [
        ["base_url", "missing", "address"],
        ["X-Api-Key", "missing", "yes"],
        ["X-Plant", "default", "header"],
        ["X-Trace", "left-out", "header"],
    ]


async def test_a_missing_secret_is_asked_for(
    millwright: Command,
    somebody: Person,
    services: Services,
    good: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def answer(prompt: str) -> str:
        asked.append(prompt)
        return PLANTED

    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr(getpass, "getpass", answer)
    status, _, _ = await millwright("mcp", "import", SHEETS, "--value", f"base_url={good}")
    assert (status, len(asked)) == (OK, 1)
    assert "X-Api-Key" in asked[0]
    held = services.registry.credential_headers(somebody.tenant_id, "sheet-server")
    assert held == {"X-Api-Key": PLANTED}


async def test_what_is_missing_is_named(millwright: Command, good: str) -> None:
    status, _, err = await millwright("mcp", "import", SHEETS, "--value", f"base_url={good}")
    assert status == FAILED
    assert "it needs 'X-Api-Key' (secret)" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("no-such-file",), "neither JSON nor a file"),
        (("[]",), "is no server.json"),
        ((SHEETS, "--value", "x"), "Spell it NAME=VALUE"),
        ((SHEETS, "--secrets-from", SHEETS), "a JSON object of texts"),
        (("-", "--secrets-from", "-"), "cannot be both"),
    ],
)
async def test_a_command_line_that_is_wrong_is_said_to_be(
    millwright: Command,
    pipe: Callable[[bytes], None],
    arguments: tuple[str, ...],
    said: str,
) -> None:
    pipe(b"{}")
    status, _, err = await millwright("mcp", "import", *arguments)
    assert status == USAGE
    assert said in err
