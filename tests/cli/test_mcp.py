"""`millwright mcp` against the whole application."""

import json
from collections.abc import AsyncIterator, Iterator

import pytest

from api.services import Services
from cli.main import FAILED, OK, USAGE
from deploy.local.ports import free_port
from foundation.errors import MillwrightError
from foundation.settings import EgressSettings
from security.egress import UNRULED, Egress
from tests.api.people import Person
from tests.cli.test_secrets import (
    Command,
    address,
    millwright,
    somebody,
)
from tests.toolhub.servers import Seen, good_server, serving
from toolhub.protection import BreakerChange
from toolhub.schemas import CallOrigin, CallTool, ServerRegistration

__all__ = ["address", "millwright", "somebody"]

pytestmark = pytest.mark.anyio


@pytest.fixture
async def egress() -> AsyncIterator[Egress]:
    egress = Egress(EgressSettings(allow_networks=["127.0.0.0/8"]), UNRULED)
    yield egress
    await egress.aclose()


@pytest.fixture(scope="module")
def good() -> Iterator[str]:
    with serving(good_server(Seen())) as url:
        yield f"{url}/mcp"


@pytest.fixture
async def excel(services: Services, somebody: Person, good: str) -> Person:
    """Whoever has registered the server 'excel'."""
    given = ServerRegistration(name="excel", url=good)
    await services.registry.register(somebody.tenant_id, given)
    return somebody


async def test_calls_are_listed_and_narrowed(
    millwright: Command, services: Services, excel: Person
) -> None:
    status, out, err = await millwright("mcp", "calls")
    assert (status, out) == (OK, "")
    assert "There are no such calls." in err
    origin = CallOrigin(instance_id="a.b.c", task="/do/0/greet")
    for arguments in ({"name": "Kim"}, {}):
        call = CallTool(
            tenant_id=excel.tenant_id,
            server="excel",
            tool="greet",
            arguments=dict(arguments),
            origin=origin,
        )
        try:
            await services.toolhub.call(call)
        except MillwrightError:
            assert not arguments
    await services.hub_parts.log.aclose()
    status, out, _ = await millwright("mcp", "calls")
    _, failed, done = out.splitlines()
    assert failed.split()[:2] == ["failed", "no"]
    assert failed.endswith("excel/greet  tool-input  a.b.c /do/0/greet")
    assert done.split()[:2] == ["succeeded", "yes"]
    status, out, _ = await millwright("mcp", "calls", "--status", "failed", "--json")
    (only,) = json.loads(out)
    assert (only["error"], only["instance_id"]) == ("tool-input", "a.b.c")
    _, out, _ = await millwright("mcp", "calls", "--instance", "a.b.d")
    assert out == ""
    status, out, err = await millwright("mcp", "calls", "--limit", "1")
    assert len(out.splitlines()) == 2
    assert "more than 1" in err
    assert (await millwright("mcp", "calls", "--limit", "0"))[0] == USAGE


async def test_health_is_listed_and_fails_when_a_server_does_not_answer(
    millwright: Command, services: Services, excel: Person
) -> None:
    status, out, _ = await millwright("mcp", "health")
    assert (status, out.splitlines()[1].split()) == (OK, ["excel", "not", "checked", "closed"])
    status, out, _ = await millwright("mcp", "check", "excel")
    assert (status, "answers" in out) == (OK, True)
    gone = ServerRegistration(
        name="gone", url=f"http://127.0.0.1:{free_port()}/mcp", discover=False
    )
    await services.registry.register(excel.tenant_id, gone)
    status, out, _ = await millwright("mcp", "check", "gone", "--json")
    assert (status, json.loads(out)["error"]) == (FAILED, "mcp-server-unreachable")
    status, out, _ = await millwright("mcp", "health")
    assert status == FAILED
    assert "does not answer" in out
    assert len(out.splitlines()) == 3
    _, _, err = await millwright("mcp", "check", "exel")
    assert "There is no MCP server called 'exel'" in err


async def test_what_holds_for_a_tool_is_shown_and_decided(
    millwright: Command, services: Services, excel: Person
) -> None:
    _, out, _ = await millwright("mcp", "policy", "excel", "greet")
    assert out.splitlines()[0] == "excel/greet  nobody has decided anything"
    policy = {"idempotent": True, "fallback": {"kind": "static", "value": "Hello!"}}
    status, out, _ = await millwright(
        "mcp", "policy", "excel", "greet", "--set", json.dumps(policy)
    )
    assert (status, out.splitlines()[1:]) == (
        OK,
        ["repeatable: yes", "idempotent: true", 'fallback: {"kind": "static", "value": "Hello!"}'],
    )
    await services.breakers.put(
        excel.tenant_id, "excel", BreakerChange.model_validate({"mode": "open"}), by="ana"
    )
    asked = CallTool(
        tenant_id=excel.tenant_id, server="excel", tool="greet", arguments={"name": "Kim"}
    )
    assert (await services.toolhub.call(asked)).value == "Hello!"
    await services.hub_parts.log.aclose()
    _, out, _ = await millwright("mcp", "calls")
    assert "mcp-breaker-open; given: static" in out
    status, out, _ = await millwright("mcp", "policy", "excel", "greet", "--remove", "--json")
    assert (status, json.loads(out)["changed_by"]) == (OK, None)
    status, _, err = await millwright("mcp", "policy", "excel", "greet", "--set", "{")
    assert (status, "neither JSON nor a file" in err) == (USAGE, True)
