"""The simple dialect of the specification."""

from dataclasses import replace
from typing import Any

import pytest

from foundation.schema_cost import SchemaRefusedError
from tests.toolhub.servers import Seen
from toolhub import errors
from toolhub.hub import ToolHub
from toolhub.policies.types import KeyTarget, ToolPolicy
from toolhub.registry import Registry
from toolhub.schemas import CallTool, ServerChange, ServerRegistration
from toolhub.wiring import ToolhubParts

pytestmark = pytest.mark.anyio

READ = {
    "name": "read",
    "input_schema": {"type": "object", "required": ["file_path"]},
    "output_schema": {"type": "object", "required": ["rows"]},
}
ROWS = {"type": "object", "properties": {"rows": {"type": "array"}}}


async def register(registry: Registry, bad: str, *tools: dict[str, Any]) -> None:
    given = {
        "name": "excel",
        "url": f"{bad}/seed",
        "dialect": "seed-http",
        "credential": {"kind": "bearer", "token": "k3y"},
        "tools": list(tools),
    }
    await registry.register("press", ServerRegistration.model_validate(given))


def call(tool: str, **arguments: Any) -> CallTool:
    return CallTool(tenant_id="press", server="excel", tool=tool, arguments=arguments)


async def test_a_call_is_a_post_of_method_and_params(
    registry: Registry, hub: ToolHub, bad: str, bad_seen: Seen
) -> None:
    await register(registry, bad, READ)
    result = await hub.call(call("read", file_path="defects.xlsx"))
    assert bad_seen.bodies == [{"method": "read", "params": {"file_path": "defects.xlsx"}}]
    assert bad_seen.headers[0]["authorization"] == "Bearer k3y"
    assert result.value == {"rows": [1, 2, 3], "asked": {"file_path": "defects.xlsx"}}


async def test_the_key_is_in_the_header_that_the_policy_names(
    parts: ToolhubParts, bad: str, bad_seen: Seen
) -> None:
    await register(parts.registry, bad, READ)
    policy = ToolPolicy(idempotency_key=KeyTarget(header="Idempotency-Key"))
    parts.policies.put("press", "excel", "read", policy, by="somebody")
    await parts.hub.call(replace(call("read", file_path="a.xlsx"), idempotency_key="order-7"))
    assert bad_seen.headers[0]["idempotency-key"] == "order-7"


async def test_arguments_are_checked_before_anything_is_sent(
    registry: Registry, hub: ToolHub, bad: str, bad_seen: Seen
) -> None:
    await register(registry, bad, READ)
    with pytest.raises(errors.ToolInputError, match="file_path"):
        await hub.call(call("read"))
    assert bad_seen.bodies == []


@pytest.mark.parametrize(
    ("tool", "error", "retryable"),
    [
        ("html", errors.NotMcpError, False),
        ("nan", errors.NotMcpError, False),
        ("endless", errors.NotMcpError, False),
        ("wrong", errors.ToolOutputError, False),
        ("busy", errors.ServerBusyError, True),
        ("broken", errors.OutcomeUnknownError, False),
    ],
)
async def test_each_way_to_fail_has_its_error(
    registry: Registry,
    hub: ToolHub,
    bad: str,
    tool: str,
    error: type[Exception],
    *,
    retryable: bool,
) -> None:
    await register(registry, bad, {"name": tool, "output_schema": ROWS})
    with pytest.raises(error, match="'excel'") as caught:
        await hub.call(call(tool))
    assert getattr(caught.value, "retryable", None) is retryable


async def test_its_tools_are_described_by_the_user(registry: Registry, bad: str) -> None:
    with pytest.raises(errors.RegistrationError, match="describe them in 'tools'"):
        await register(registry, bad)
    with pytest.raises(errors.RegistrationError, match="leave 'tools' out"):
        await registry.register(
            "press",
            ServerRegistration.model_validate(
                {"name": "x", "url": f"{bad}/ok/mcp", "tools": [READ]}
            ),
        )


async def test_a_described_schema_that_cannot_be_used_is_refused(
    registry: Registry, bad: str
) -> None:
    remote = {"name": "t", "input_schema": {"$ref": "http://127.0.0.1:1/schema.json"}}
    with pytest.raises(SchemaRefusedError, match="'t' cannot be registered: its input_schema"):
        await register(registry, bad, remote)


async def test_its_tools_are_changed_by_describing_them_anew(
    registry: Registry, hub: ToolHub, bad: str
) -> None:
    await register(registry, bad, READ)
    await hub.call(call("read", file_path="x"))
    tools = [{"name": "read", "input_schema": {"type": "object", "required": ["path"]}}]
    await registry.update("press", "excel", ServerChange.model_validate({"tools": tools}))
    with pytest.raises(errors.ToolInputError, match="path"):
        await hub.call(call("read", file_path="x"))
    with pytest.raises(errors.RegistrationError, match="cannot list tools"):
        await registry.refresh("press", "excel")
