"""Which programs may be registered: those of the list, by whom and with what the list allows."""

from typing import Any

import pytest

from foundation.errors import InvalidInputError, MillwrightError
from foundation.settings import StdioCommand, StdioSettings
from security.permissions import permissions_of
from tests.fixtures.hubs import build_toolhub
from tests.toolhub.stdio.test_odd_server import call, registered, registration, said
from toolhub.errors import (
    ProgramsForbiddenError,
    RegistrationError,
    ServerNotAllowedError,
    ServerUnreachableError,
    UnknownServerError,
)
from toolhub.registry import Registry
from toolhub.schemas import ServerChange
from toolhub.wire.stdio.commands import Commands
from toolhub.wiring import ToolhubParts

pytestmark = pytest.mark.anyio


def change(**what: Any) -> ServerChange:
    return ServerChange.model_validate(what)


def test_only_administrators_may_register_programs() -> None:
    assert "mcp:programs" in permissions_of(["admin"])
    assert "mcp:manage" in permissions_of(["ai-engineer"])
    others = ("viewer", "analyst", "operator", "manager", "ai-engineer")
    assert "mcp:programs" not in permissions_of(others)


async def test_who_may_not_register_programs_registers_none(registry: Registry) -> None:
    with pytest.raises(ProgramsForbiddenError, match="needs the permission 'mcp:programs'"):
        await registry.register("press", registration())
    with pytest.raises(UnknownServerError):
        registry.get("press", "odd")


@pytest.mark.parametrize("what", [{"url": "stdio:alone"}, {"arguments": ["--more"]}])
async def test_who_may_not_register_programs_makes_no_other_program_of_one(
    registry: Registry, what: dict[str, Any]
) -> None:
    await registered(registry)
    with pytest.raises(ProgramsForbiddenError):
        await registry.update("press", "odd", change(**what))
    info = await registry.update("press", "odd", change(timeout_s=5))
    assert (info.url, info.arguments, info.timeout_s) == ("stdio:odd", [], 5)


async def test_arguments_are_added_as_far_as_the_list_allows(registry: Registry) -> None:
    await registered(registry, arguments=["--quick"])
    assert registry.get("press", "odd").arguments == ["--quick"]
    with pytest.raises(ServerNotAllowedError, match="'odd' does not take the argument '/etc'"):
        await registry.update("press", "odd", change(arguments=["/etc"]), may_programs=True)
    with pytest.raises(ServerNotAllowedError, match="does not take the argument '--quick /'"):
        await registry.update("press", "odd", change(arguments=["--quick /"]), may_programs=True)
    assert registry.get("press", "odd").arguments == ["--quick"]


@pytest.mark.parametrize(
    ("given", "error", "reason"),
    [
        ({"url": "stdio:sh"}, ServerNotAllowedError, "no command 'sh' for this tenant"),
        ({"url": "/bin/sh"}, RegistrationError, "write the name of its command as 'url'"),
        ({"path": "/x"}, RegistrationError, "no 'path'"),
        ({"url": "stdio:alone", "arguments": ["-x"]}, ServerNotAllowedError, "take the argument"),
        (
            {"credential": {"kind": "bearer", "token": "t"}},
            RegistrationError,
            "takes no credential of a registration",
        ),
        ({"headers": {"X-Plant": "a"}}, RegistrationError, "A program gets no headers"),
        ({"tools": [{"name": "t"}]}, RegistrationError, "lists its tools itself"),
        ({"url": "stdio:gone"}, ServerUnreachableError, "no program '/no/such/program'"),
        ({"url": "stdio:not-mcp"}, MillwrightError, "no message of MCP: 'hello'"),
    ],
)
async def test_what_is_not_on_the_list_or_does_not_start_is_not_registered(
    registry: Registry, given: dict[str, Any], error: type[MillwrightError], reason: str
) -> None:
    with pytest.raises(error, match=reason):
        await registry.register("press", registration(**given), may_programs=True)
    with pytest.raises(UnknownServerError):
        registry.get("press", "odd")


async def test_a_command_of_another_tenant_is_not_there(registry: Registry) -> None:
    with pytest.raises(ServerNotAllowedError, match="There are: alone, gone, not-mcp, silent"):
        await registry.register("other", registration(), may_programs=True)


async def test_a_server_with_an_address_takes_no_arguments(registry: Registry) -> None:
    given: dict[str, Any] = {"url": "https://excel.example/mcp", "dialect": "mcp"}
    with pytest.raises(RegistrationError, match="is no program: leave 'arguments' out"):
        await registry.register("press", registration(arguments=["-x"], **given), may_programs=True)


async def test_tenants_share_no_process(parts: ToolhubParts) -> None:
    pids = set()
    for tenant in ("press", "other"):
        await parts.registry.register(tenant, registration("alone"), may_programs=True)
        found = await parts.hub.call(call("pid", tenant_id=tenant))
        pids.add(found.value)
    assert len(pids) == 2


async def test_what_was_taken_off_the_list_is_not_started_any_more(
    parts: ToolhubParts, request: pytest.FixtureRequest
) -> None:
    await registered(parts.registry)
    of = request.getfixturevalue
    bare = build_toolhub(of("database"), of("sealer"), of("egress"))
    with pytest.raises(ServerNotAllowedError, match=r"was not called\. There is no command 'odd'"):
        await said(bare.hub, "echo")
    await bare.aclose()


def test_a_list_with_a_pattern_that_is_none_is_refused() -> None:
    command = StdioCommand(argv=["x"], tenants=["*"], arguments=["("])
    with pytest.raises(InvalidInputError, match="'x' has an argument pattern that is none"):
        Commands(StdioSettings(commands={"x": command}))
