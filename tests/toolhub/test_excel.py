"""A server that nobody here wrote: excel-mcp-server, with its bearer token."""

from collections.abc import Iterator
from typing import Any

import pytest

from deploy.local.excel_server import ExcelServer, excel_program, excel_ready
from deploy.local.ports import free_port
from deploy.local.processes import Child
from toolhub.errors import CredentialRefusedError, ToolFailedError, ToolInputError
from toolhub.hub import ToolHub
from toolhub.registry import Registry
from toolhub.schemas import CallTool, ServerChange, ServerRegistration

pytestmark = pytest.mark.anyio
TOKEN = "t0k3n-of-excel"


@pytest.fixture(scope="module")
def excel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its endpoint."""
    folder = tmp_path_factory.mktemp("sheets")
    server = ExcelServer(free_port(), TOKEN, folder)
    child = Child(excel_program(server, folder.parent / "excel.log"))
    try:
        excel_ready(child, server)
        yield server.url
    finally:
        child.stop()


def registration(url: str, token: str = TOKEN) -> ServerRegistration:
    credential = {"kind": "bearer", "token": token}
    return ServerRegistration.model_validate(
        {"name": "excel", "url": url, "credential": credential}
    )


def call(tool: str, **arguments: Any) -> CallTool:
    return CallTool(tenant_id="press", server="excel", tool=tool, arguments=arguments)


async def test_a_workbook_is_written_and_read_back(
    registry: Registry, hub: ToolHub, excel: str
) -> None:
    info = await registry.register("press", registration(excel))
    assert info.tool_count > 20
    tools = registry.find_tools("press", page_size=200).items
    assert len(tools) == info.tool_count
    assert all(tool.problem is None for tool in tools)
    await hub.call(call("create_workbook", path="line.xlsx"))
    rows = [["press", "rate"], ["P1", 0.07]]
    sheet = {"path": "line.xlsx", "sheet": "Sheet1"}
    await hub.call(call("write_range", at="A1", rows=rows, **sheet))
    read = await hub.call(call("read_range", **sheet))
    assert read.value == {"range": "A1:B2", "values": rows}


async def test_a_misspelled_argument_is_found_before_it_is_sent(
    registry: Registry, hub: ToolHub, excel: str
) -> None:
    await registry.register("press", registration(excel))
    with pytest.raises(ToolInputError, match='"path" is a required property'):
        await hub.call(call("create_workbook", filepath="line.xlsx"))


async def test_a_wrong_token_is_noticed_when_registering(registry: Registry, excel: str) -> None:
    with pytest.raises(CredentialRefusedError, match="'excel' does not accept the credential"):
        await registry.register("press", registration(excel, "wrong-token"))


async def test_a_token_that_went_bad_is_told_and_mended(
    registry: Registry, hub: ToolHub, excel: str
) -> None:
    await registry.register("press", registration(excel))
    worse = {"credential": {"kind": "bearer", "token": "wrong"}, "discover": False}
    await registry.update("press", "excel", ServerChange.model_validate(worse))
    with pytest.raises(CredentialRefusedError) as caught:
        await hub.call(call("create_workbook", path="a.xlsx"))
    assert (caught.value.kind, caught.value.upstream_status) == ("authentication", 401)
    better = {"credential": {"kind": "bearer", "token": TOKEN}}
    await registry.update("press", "excel", ServerChange.model_validate(better))
    await hub.call(call("create_workbook", path="a.xlsx"))


async def test_what_the_server_says_went_wrong_is_told(
    registry: Registry, hub: ToolHub, excel: str
) -> None:
    await registry.register("press", registration(excel))
    with pytest.raises(ToolFailedError) as caught:
        await hub.call(call("read_range", path="nothing.xlsx", sheet="Sheet1"))
    assert str(caught.value) == (
        "The tool 'read_range' of the MCP server 'excel' ran and failed: "
        "Error executing tool read_range: Workbook nothing.xlsx does not exist."
    )
