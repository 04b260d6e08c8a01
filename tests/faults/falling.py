"""Servers that misbehave, and what is to stand in for their tools."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from foundation.json import JsonValue
from tests.faults.server import FaultServer, serving
from tests.faults.ways import fault_server
from toolhub.policies.types import ToolPolicy
from toolhub.protection import BreakerChange
from toolhub.schemas import CallTool, ServerRegistration
from toolhub.wiring import ToolhubParts

TENANT = "press"
# Fits what those promise that promise anything.
VALUE: JsonValue = {"n": 0}
STATIC = {"kind": "static", "value": VALUE}


@contextmanager
def another() -> Iterator[FaultServer]:
    """A server of one's own, which is down afterwards."""
    with serving(fault_server()) as server:
        yield server


async def register(parts: ToolhubParts, name: str, url: str, tenant: str = TENANT) -> None:
    await parts.registry.register(tenant, ServerRegistration(name=name, url=url))


async def down(parts: ToolhubParts, name: str = "down") -> None:
    """Register a server that goes away."""
    with another() as server:
        await register(parts, name, server.endpoint("fine"))


async def decide(
    parts: ToolhubParts, server: str, tool: str, fallback: dict[str, Any], **more: Any
) -> None:
    policy = ToolPolicy.model_validate({"fallback": fallback, **more})
    await asyncio.to_thread(parts.policies.put, TENANT, server, tool, policy, by="ana")


async def rest(parts: ToolhubParts, server: str) -> None:
    """Open the breaker of a server."""
    await parts.breakers.put(TENANT, server, BreakerChange.model_validate({"mode": "open"}), by="a")


def call(server: str, tool: str, **more: Any) -> CallTool:
    return CallTool(
        **{"tenant_id": TENANT, "server": server, "tool": tool, "timeout_s": 5.0, **more}
    )
