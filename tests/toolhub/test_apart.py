"""What is large is looked through beside the event loop."""

import threading

import pytest
from pydantic import BaseModel

from foundation.apart import apart, is_small
from foundation.json import JsonValue
from tests.toolhub.servers import Changing
from toolhub.hub import ToolHub
from toolhub.registry import Registry
from toolhub.schemas import CallTool, ServerRegistration

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "value",
    [
        [0] * 6_000,
        [[[0] * 30] * 20] * 20,
        {"a": {str(n): n for n in range(6_000)}},
        {"a": ["x" * 300_000]},
        {"x" * 300_000: 1},
        ["x" * 1000] * 300,
    ],
)
async def test_what_is_large_goes_to_a_thread(value: JsonValue) -> None:
    assert not is_small(value)
    assert await apart(value, threading.get_ident) != threading.get_ident()


@pytest.mark.parametrize(
    "value", [None, 1, "x" * 1000, [[0] * 1000] * 4, {"a": {"b": ["x" * 1000] * 100}}]
)
async def test_what_is_small_stays_here(value: JsonValue) -> None:
    assert is_small(value)
    assert await apart(value, threading.get_ident) == threading.get_ident()


class Column(BaseModel):
    cells: list[str]


async def test_a_large_answer_is_checked_and_cleaned_like_any_other(
    registry: Registry, hub: ToolHub, changing: Changing, changing_url: str
) -> None:
    def column(count: int) -> Column:
        return Column(cells=["k3y-of-the-line"] * count)

    changing.withdraw()
    changing.mcp.add_tool(column, name="column")
    given = {
        "name": "excel",
        "url": changing_url,
        "credential": {"kind": "bearer", "token": "k3y-of-the-line"},
    }
    await registry.register("press", ServerRegistration.model_validate(given))
    call = CallTool(tenant_id="press", server="excel", tool="column", arguments={"count": 20_000})
    assert (await hub.call(call)).value == {"cells": ["[redacted]"] * 20_000}
