"""`millwright egress` against the whole application."""

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

__all__ = ["address", "millwright", "somebody"]

pytestmark = pytest.mark.anyio


async def test_rules_are_added_asked_about_and_taken_back(
    millwright: Command, services: Services, somebody: Person
) -> None:
    status, out, _ = await millwright("egress", "show")
    assert (status, out) == (OK, "allow  everything\n")
    await millwright("egress", "allow", "*.plant.example", "1.1.1.1")
    status, out, _ = await millwright("egress", "deny", "1.1.1.1:81")
    assert (status, out) == (
        OK,
        "allow  *.plant.example\nallow  1.1.1.1\ndeny   1.1.1.1:81\n",
    )
    state = services.ruling.get(somebody.tenant_id)
    assert (state.allow, state.deny) == (["*.plant.example", "1.1.1.1"], ["1.1.1.1:81"])
    assert await millwright("egress", "check", "https://1.1.1.1/") == (OK, "allowed\n", "")
    status, out, _ = await millwright("egress", "check", "http://1.1.1.1:81/")
    assert (status, out.startswith("refused: Requests to '1.1.1.1', port 81, are denied")) == (
        FAILED,
        True,
    )
    status, out, _ = await millwright("egress", "check", "--json", "http://2.2.2.2/")
    assert (status, json.loads(out)["allowed"]) == (FAILED, False)
    status, out, _ = await millwright("egress", "remove", "--json", "1.1.1.1:81", "1.1.1.1")
    assert (status, json.loads(out)["allow"]) == (OK, ["*.plant.example"])


@pytest.mark.usefixtures("somebody")
async def test_the_last_rule_that_allows_is_not_taken_back_by_accident(
    millwright: Command,
) -> None:
    await millwright("egress", "allow", "a.example")
    status, _, err = await millwright("egress", "remove", "b.example")
    assert (status, "There is no rule 'b.example'. There are: a.example." in err) == (FAILED, True)
    status, _, err = await millwright("egress", "remove", "a.example")
    assert (status, "everything would be allowed" in err) == (FAILED, True)
    await millwright("egress", "allow", "*")
    status, out, _ = await millwright("egress", "remove", "a.example")
    assert (status, out) == (OK, "allow  *\n")


@pytest.mark.usefixtures("somebody")
async def test_what_is_no_rule_is_refused_with_an_example(millwright: Command) -> None:
    status, _, err = await millwright("egress", "deny", "https://a/b")
    assert (status, "'*.plant.example'" in err) == (FAILED, True)
