"""MCP servers that are programs, over HTTP: for administrators, and for calls of everybody else."""

import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest

from api.services import Services
from foundation.settings import Settings, StdioCommand, StdioSettings
from tests.api.people import Person, person

pytestmark = pytest.mark.anyio
SERVERS = "/api/v1/mcp/servers"
ODD = Path(__file__).parents[1] / "toolhub/stdio/odd_server.py"
PROGRAM: dict[str, Any] = {"name": "odd", "url": "stdio:odd", "dialect": "stdio"}


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    command = StdioCommand(
        argv=[sys.executable, str(ODD), str(tmp_path)], tenants=["*"], arguments=["--quick"]
    )
    return settings.model_copy(update={"stdio": StdioSettings(commands={"odd": command})})


@pytest.fixture
def engineer(services: Services, admin: Person) -> Person:
    return person(services.accounts, admin.tenant_id, "ai-engineer", new_tenant=False)


async def test_an_administrator_registers_a_program_that_others_call(
    http: httpx2.AsyncClient, admin: Person, engineer: Person
) -> None:
    answer = await http.post(SERVERS, json=PROGRAM, headers=admin.headers)
    assert answer.status_code == 201
    assert (answer.json()["dialect"], answer.json()["arguments"]) == ("stdio", [])
    call = {"server": "odd", "tool": "echo", "arguments": {"line": "L4"}}
    tried = await http.post("/api/v1/mcp/tools/call", json=call, headers=engineer.headers)
    assert tried.json()["value"] == '{"line": "L4"}'
    more = {"arguments": ["--quick"]}
    changed = await http.patch(f"{SERVERS}/odd", json=more, headers=admin.headers)
    assert (changed.status_code, changed.json()["arguments"]) == (200, ["--quick"])


async def test_who_manages_servers_neither_registers_nor_changes_programs(
    http: httpx2.AsyncClient, admin: Person, engineer: Person
) -> None:
    refused = await http.post(SERVERS, json=PROGRAM, headers=engineer.headers)
    assert refused.status_code == 403
    assert "'mcp:programs'" in refused.json()["detail"]
    await http.post(SERVERS, json=PROGRAM, headers=admin.headers)
    more = {"arguments": ["--quick"]}
    refused = await http.patch(f"{SERVERS}/odd", json=more, headers=engineer.headers)
    assert (refused.status_code, refused.json()["type"]) == (
        403,
        "urn:millwright:problem:mcp-programs-forbidden",
    )
    slower = await http.patch(f"{SERVERS}/odd", json={"timeout_s": 60}, headers=engineer.headers)
    assert slower.status_code == 200
    gone = await http.delete(f"{SERVERS}/odd", headers=engineer.headers)
    assert gone.status_code == 204


TASK = """call: mcp
with: { method: tools/list, transport: { stdio: { command: odd, arguments: [--quick] } } }
"""
HEAD = "document: { dsl: '1.0.3', namespace: press-line, name: night-shift, version: '1.0.0' }\n"


async def published(
    http: httpx2.AsyncClient, who: Person, path: str, text: str
) -> tuple[int, list[tuple[str, str]]]:
    headers = {**who.headers, "Content-Type": "application/yaml"}
    answer = await http.post(f"/api/v1/{path}", content=text, headers=headers)
    found = answer.json().get("findings", [])
    return answer.status_code, [(each["code"], each["pointer"]) for each in found]


async def test_only_who_may_register_programs_publishes_what_calls_one(
    http: httpx2.AsyncClient, admin: Person, engineer: Person
) -> None:
    text = f"{HEAD}do: [{{ ask: {{ {TASK.strip().replace(chr(10), ', ')} }} }}]\n"
    refusal = [("not-enabled", "/do/0/ask/with/transport/stdio")]
    assert await published(http, engineer, "workflows/validate", text) == (200, refusal)
    assert await published(http, engineer, "workflows", text) == (422, refusal)
    assert await published(http, admin, "workflows", text) == (201, [])


async def test_a_function_that_calls_a_program_is_for_them_too(
    http: httpx2.AsyncClient, admin: Person, engineer: Person
) -> None:
    """Who may not write it does not get it by using what somebody else has published."""
    where = "functions/ask/versions/1.0.0"
    for who, status in ((engineer, 422), (admin, 201)):
        headers = {**who.headers, "Content-Type": "application/yaml"}
        answer = await http.put(f"/api/v1/{where}", content=TASK, headers=headers)
        assert answer.status_code == status
    text = f"{HEAD}do: [ {{ ask: {{ call: 'ask:1.0.0@default' }} }} ]\n"
    status, found = await published(http, engineer, "workflows", text)
    assert (status, [code for code, _ in found]) == (422, ["not-enabled"])
    assert (await published(http, admin, "workflows", text))[0] == 201
