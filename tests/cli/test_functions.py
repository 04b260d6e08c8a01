"""`millwright functions` against the whole application."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import structlog
from fastapi import FastAPI

from cli.main import FAILED, OK, main
from millwright_client import Millwright
from tests.api.people import PASSWORD, Person
from tests.instances.serving import served

pytestmark = pytest.mark.anyio

FUNCTION = "input: { schema: { document: { type: object } } }\nset: { said: '${ .message }' }\n"
CALLS = """
document: { dsl: '1.0.3', namespace: plant, name: caller, version: '1.0.0' }
do: [ { say: { call: 'say:1.0.0@default', with: { message: hello } } } ]
"""
Command = Callable[..., Awaitable[tuple[int, str, str]]]


@pytest.fixture
async def address(app: FastAPI) -> AsyncIterator[str]:
    async with served(app) as address:
        yield address


@pytest.fixture
def millwright(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    address: str,
    admin: Person,
) -> Command:
    """Run the command as somebody: exit status, standard output, standard error."""
    monkeypatch.setenv("MILLWRIGHT_CLIENT_URL", address)
    monkeypatch.setenv("MILLWRIGHT_CLIENT_EMAIL", admin.email)
    monkeypatch.setenv("MILLWRIGHT_CLIENT_PASSWORD", PASSWORD)
    monkeypatch.setenv("MILLWRIGHT_CLIENT_TENANT", admin.tenant_id)

    async def run(*arguments: str) -> tuple[int, str, str]:
        # The API of this test logs in the same process.
        capsys.readouterr()
        with structlog.testing.capture_logs():
            status = await asyncio.to_thread(main, ["functions", *arguments])
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "say.yaml"
    path.write_text(FUNCTION, encoding="utf-8")
    return str(path)


async def test_a_function_is_published_listed_and_shown(millwright: Command, file: str) -> None:
    assert (await millwright("list"))[1:] == (
        "",
        "There are no functions. Publish one with: millwright functions publish\n",
    )
    status, out, _ = await millwright("publish", "say", "1.0.0", file)
    assert status == OK
    assert "A workflow calls it as say:1.0.0@default." in out
    assert "Published before: say 1.0.0." in (await millwright("publish", "say", "1.0.0", file))[1]
    await millwright("publish", "say", "1.1.0", file)
    assert (await millwright("show", "say", "1.0.0"))[1] == FUNCTION
    listed = json.loads((await millwright("list", "--json"))[1])
    assert [(each["name"], each["version"]) for each in listed] == [("say", "1.1.0")]
    table = (await millwright("list", "say"))[1].splitlines()
    assert [line.split()[:2] for line in table[1:]] == [["say", "1.1.0"], ["say", "1.0.0"]]


async def test_what_cannot_be_published_is_told(millwright: Command, tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("sett: { a: 1 }", encoding="utf-8")
    status, _, said = await millwright("publish", "say", "1.0.0", str(bad))
    assert status == FAILED
    assert "does not say what to do" in said
    assert (await millwright("show", "say", "9.9.9"))[0] == FAILED


async def test_who_calls_a_function_is_told_where_it_came_from(
    millwright: Command, file: str, address: str, admin: Person
) -> None:
    await millwright("publish", "say", "1.0.0", file)

    def published() -> list[tuple[str, str, str]]:
        tenant = admin.tenant_id
        with Millwright.login(address, admin.email, PASSWORD, tenant=tenant) as client:
            client.workflows.publish(CALLS)
            origins = client.workflows.get("plant", "caller").origins
            return [(each.kind, each.name, each.address) for each in origins]

    found = await asyncio.to_thread(published)
    assert found == [("function", "say:1.0.0@default", "default")]
