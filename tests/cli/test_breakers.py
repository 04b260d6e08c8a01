"""`millwright breakers` against the whole application."""

import json

import pytest

from api.services import Services
from cli.main import FAILED, OK
from tests.api.people import Person
from tests.cli.test_secrets import (
    Command,
    address,
    millwright,
    somebody,
)
from toolhub.schemas import ServerRegistration

__all__ = ["address", "millwright", "somebody"]

pytestmark = pytest.mark.anyio


async def test_a_breaker_is_shown_opened_and_left_to_itself_again(
    millwright: Command, services: Services, somebody: Person
) -> None:
    given = ServerRegistration(name="excel", url="https://excel.example/mcp", discover=False)
    await services.registry.register(somebody.tenant_id, given)
    status, out, _ = await millwright("breakers", "show", "excel")
    assert (status, out.splitlines()[0]) == (OK, "excel  closed")
    assert "each worker has a breaker of its own" in out
    status, out, _ = await millwright("breakers", "open", "excel", "--reason", "maintenance")
    assert status == OK
    assert "an administrator decided 'open'" in out
    assert '"maintenance"' in out
    status, out, _ = await millwright("breakers", "close", "excel", "--json")
    assert json.loads(out)["forced"]["mode"] == "closed"
    status, out, _ = await millwright("breakers", "auto", "excel")
    assert (status, "administrator" in out) == (OK, False)


@pytest.mark.usefixtures("somebody")
async def test_an_unknown_server_fails_and_says_so(millwright: Command) -> None:
    status, out, err = await millwright("breakers", "show", "exel")
    assert (status, out) == (FAILED, "")
    assert "There is no MCP server called 'exel'" in err
