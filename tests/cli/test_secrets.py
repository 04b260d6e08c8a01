"""`millwright secrets` against the whole application: what it stores, and what it never shows."""

import asyncio
import io
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import structlog
from fastapi import FastAPI

from api.services import Services
from cli.main import FAILED, OK, USAGE, main
from deploy.local.first_user import ensure_first_user
from deploy.local.folder import Folder
from deploy.local.ports import free_port
from tests.api.people import PASSWORD, Person
from tests.instances.serving import served

pytestmark = pytest.mark.anyio

PLANTED = "s3cr3t-plant-key"
Command = Callable[..., Awaitable[tuple[int, str, str]]]


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], None]:
    """Let something be on standard input."""

    def pipe(content: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content), encoding="utf-8"))

    return pipe


@pytest.fixture
async def address(app: FastAPI) -> AsyncIterator[str]:
    async with served(app) as address:
        yield address


@pytest.fixture
def somebody(monkeypatch: pytest.MonkeyPatch, address: str, admin: Person) -> Person:
    """Whom the environment names."""
    monkeypatch.setenv("MILLWRIGHT_CLIENT_URL", address)
    monkeypatch.setenv("MILLWRIGHT_CLIENT_EMAIL", admin.email)
    monkeypatch.setenv("MILLWRIGHT_CLIENT_PASSWORD", PASSWORD)
    monkeypatch.setenv("MILLWRIGHT_CLIENT_TENANT", admin.tenant_id)
    return admin


@pytest.fixture
def millwright(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run the command: exit status, standard output, standard error."""

    async def run(*arguments: str) -> tuple[int, str, str]:
        # The API of this test logs in the same process.
        capsys.readouterr()
        with structlog.testing.capture_logs() as logs:
            status = await asyncio.to_thread(main, list(arguments))
        said = capsys.readouterr()
        assert PLANTED not in f"{said.out} {said.err} {logs}"
        assert "Traceback" not in said.err
        return status, said.out, said.err

    return run


def stored(services: Services, tenant_id: str, name: str = "erp") -> Any:
    return services.secrets.read(tenant_id, (name,))[name]


async def test_a_secret_is_set_from_standard_input(
    millwright: Command, pipe: Callable[[bytes], None], somebody: Person, services: Services
) -> None:
    pipe(f"{PLANTED}\n".encode())
    status, out, _ = await millwright("secrets", "set", "erp")
    assert (status, stored(services, somebody.tenant_id)) == (OK, PLANTED)
    assert "version 1" in out
    assert "$secrets.erp" in out


async def test_a_secret_of_several_lines_is_set_from_a_file(
    millwright: Command, tmp_path: Path, somebody: Person, services: Services
) -> None:
    pem = f"-----BEGIN PRIVATE KEY-----\n{PLANTED}\n-----END PRIVATE KEY-----"
    file = tmp_path / "key.pem"
    file.write_bytes(f"{pem}\r\n".encode())
    status, out, _ = await millwright("secrets", "set", "line-key", "--from-file", str(file))
    assert (status, stored(services, somebody.tenant_id, "line-key")) == (OK, pem)
    assert '$secrets["line-key"]' in out


async def test_json_is_an_object_when_the_command_says_so(
    millwright: Command, pipe: Callable[[bytes], None], somebody: Person, services: Services
) -> None:
    pair = {"username": "press-line", "password": PLANTED}
    pipe(json.dumps(pair).encode())
    status, out, err = await millwright("secrets", "set", "erp", "--format", "json", "--json")
    assert (status, stored(services, somebody.tenant_id), err) == (OK, pair, "")
    assert json.loads(out)["version"] == 1

    pipe(json.dumps(pair).encode())
    status, _, err = await millwright("secrets", "set", "erp")
    assert (status, stored(services, somebody.tenant_id)) == (OK, json.dumps(pair))
    assert "--format json" in err


async def test_secrets_are_listed_and_deleted(
    millwright: Command, somebody: Person, services: Services
) -> None:
    assert "There are no secrets" in (await millwright("secrets", "list"))[1]
    for number in range(60):
        services.secrets.put(somebody.tenant_id, f"s{number:02}", PLANTED, "ana")
    status, out, _ = await millwright("secrets", "list", "--json")
    assert status == OK
    assert [secret["name"] for secret in json.loads(out)] == [f"s{n:02}" for n in range(60)]

    status, out, _ = await millwright("secrets", "delete", "s00", "--json")
    assert (status, json.loads(out)) == (OK, {"name": "s00", "deleted": True})
    status, _, err = await millwright("secrets", "delete", "s00")
    assert status == FAILED
    assert "no secret called 's00'" in err
    assert (await millwright("secrets", "list"))[1].startswith("s01 ")


async def test_a_value_on_the_command_line_is_refused_without_repeating_it(
    millwright: Command, somebody: Person, services: Services
) -> None:
    status, _, err = await millwright("secrets", "set", "erp", PLANTED)
    assert status == FAILED
    assert "shell's history" in err
    assert services.secrets.list(somebody.tenant_id).items == []


@pytest.mark.usefixtures("somebody")
@pytest.mark.parametrize(
    ("content", "flags", "words"),
    [
        (f"{PLANTED}".encode() + b"\xff", (), "no UTF-8 text"),
        (PLANTED.encode(), ("--format", "json"), "is no JSON"),
        (f'["{PLANTED}", NaN]'.encode(), ("--format", "json"), "is no JSON"),
        (f'{{"a": "{PLANTED}\\ud800"}}'.encode(), ("--format", "json"), "is no JSON"),
        (f'{{"a": "{PLANTED}", "pin": 17}}'.encode(), ("--format", "json"), "/pin is no text"),
        (b"", (), "fewer than 4 characters"),
        (b"", ("--from-file", "/nowhere/key"), "/nowhere/key cannot be read: No such file"),
    ],
)
async def test_a_value_that_cannot_be_stored_is_not_repeated(
    millwright: Command,
    pipe: Callable[[bytes], None],
    content: bytes,
    flags: tuple[str, ...],
    words: str,
) -> None:
    pipe(content)
    status, _, err = await millwright("secrets", "set", "erp", *flags)
    assert status == FAILED
    assert words in err


async def test_an_access_token_is_enough(
    millwright: Command, monkeypatch: pytest.MonkeyPatch, address: str, admin: Person
) -> None:
    monkeypatch.setenv("MILLWRIGHT_CLIENT_TOKEN", admin.access_token)
    status, out, _ = await millwright("secrets", "list", "--json", "--url", address)
    assert (status, json.loads(out)) == (OK, [])


@pytest.fixture
def own_stack(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, address: str, services: Services
) -> str:
    """Make the first user as `millwright dev` does, and its settings; return the API's address."""
    folder = Folder(tmp_path / "data")
    folder.prepare()
    assert ensure_first_user(services.settings, folder.password).password
    monkeypatch.setenv("MILLWRIGHT_LOCAL_DATA_DIR", str(folder.root))
    monkeypatch.setenv("MILLWRIGHT_API_PORT", address.rpartition(":")[2])
    return address


async def test_the_local_stack_needs_no_settings(millwright: Command, own_stack: str) -> None:
    status, out, _ = await millwright("secrets", "list", "--json")
    assert (status, json.loads(out)) == (OK, [])
    assert (await millwright("secrets", "list", "--url", own_stack))[0] == OK


@pytest.mark.usefixtures("own_stack")
async def test_the_password_of_the_local_stack_is_sent_to_no_other_machine(
    millwright: Command,
) -> None:
    status, _, err = await millwright("secrets", "list", "--url", "https://mill.example")
    assert status == FAILED
    assert "Nothing says who is asking https://mill.example" in err


async def test_nobody_is_asked_when_nothing_says_who_asks(
    millwright: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MILLWRIGHT_LOCAL_DATA_DIR", str(tmp_path))
    status, _, err = await millwright("secrets", "list")
    assert status == FAILED
    assert "MILLWRIGHT_CLIENT_EMAIL" in err


async def test_an_api_that_is_not_there_is_one_sentence(
    millwright: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MILLWRIGHT_CLIENT_EMAIL", "ana@plant.example")
    monkeypatch.setenv("MILLWRIGHT_CLIENT_PASSWORD", PASSWORD)
    away = f"http://127.0.0.1:{free_port()}"
    status, _, err = await millwright("secrets", "list", "--url", away)
    assert status == FAILED
    assert f"{away}/ gives no answer" in err


def test_a_verb_is_needed() -> None:
    with pytest.raises(SystemExit) as left:
        main(["secrets"])
    assert left.value.code == USAGE
