"""The main job, end to end: a definition over REST, a real MCP server, a result, a readable run."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from temporalio.client import Client

from deploy.local.excel_server import ExcelServer
from millwright_client import Ended, Instance, Millwright, TaskEvent
from tests.fixtures.system import System

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def workbook(excel: ExcelServer) -> Iterator[str]:
    name = "press-line.xlsx"
    path = Path(shutil.copy(EXAMPLES / name, excel.folder / name))
    yield name
    path.unlink()


@pytest.fixture
def plant(client: Millwright, excel: ExcelServer) -> Millwright:
    """A tenant that has the Excel server and the example."""
    client.mcp.register_server("excel", excel.url, token=excel.token)
    text = (EXAMPLES / "press-line-defect-watch.yaml").read_text(encoding="utf-8")
    client.workflows.publish(text)
    return client


def run(client: Millwright, name: str, value: Any, **how: Any) -> Instance:
    namespace = how.pop("namespace", "press-shop")
    started = client.workflows.start(namespace, name, input=value, **how)
    return client.wait(started.id, timeout=60)


def test_the_example_reads_judges_and_writes_back_through_mcp(
    plant: Millwright, workbook: str, excel: ExcelServer
) -> None:
    instance = run(plant, "press-line-defect-watch", {"workbook": workbook})
    assert instance.status == "COMPLETED", instance.error
    assert instance.output["summary"] == "PRESS-2: 5.79 % defects, critical"
    written = load_workbook(excel.folder / workbook)["Findings"]
    assert [cell.value for cell in written[2]][:3] == ["PRESS-2", 5.79, "critical"]


def test_the_stream_of_events_tells_every_task_once_and_then_the_end(
    plant: Millwright, workbook: str
) -> None:
    started = plant.workflows.start(
        "press-shop", "press-line-defect-watch", input={"workbook": workbook}
    )
    events = list(plant.events(started.id))
    tasks = [event for event in events if isinstance(event, TaskEvent)]
    assert [event.sequence for event in tasks] == list(range(1, len(tasks) + 1))
    assert isinstance(events[-1], Ended)
    assert events[-1].status == "COMPLETED"
    resumed = list(plant.events(started.id, after=tasks[-2].sequence))
    assert resumed[0] == tasks[-1]


def test_a_run_reads_well_in_the_web_ui(plant: Millwright, workbook: str, system: System) -> None:
    started = plant.workflows.start(
        "press-shop", "press-line-defect-watch", input={"workbook": workbook}
    )
    plant.wait(started.id, timeout=60)
    described = portal_describe(system, plant, started.id)
    assert described["type"] == "press-shop.press-line-defect-watch"
    assert described["id"].split("/")[1:3] == ["press-shop", "press-line-defect-watch"]
    assert described["summary"] == "Press line defect watch 1.0.0"
    assert described["attributes"] == {"MillwrightTenant", "MillwrightVersion"}
    assert any(
        summary.startswith("/do/0/readSheets/fork/branches/0/measurements")
        for summary in described["activity_summaries"]
    )


def test_a_new_version_never_touches_running_instances(client: Millwright) -> None:
    def version(number: str, answer: int) -> str:
        return f"""
document: {{ dsl: '1.0.3', namespace: plant, name: pinned, version: '{number}' }}
do:
  - nap: {{ wait: {{ seconds: 2 }} }}
  - answer: {{ set: {{ answer: {answer} }} }}
"""

    client.workflows.publish(version("1.0.0", 1))
    started = client.workflows.start("plant", "pinned")
    client.workflows.publish(version("1.1.0", 2))
    newer = run(client, "pinned", None, namespace="plant")
    older = client.wait(started.id, timeout=60)
    assert (older.version, older.output) == ("1.0.0", {"answer": 1})
    assert (newer.version, newer.output) == ("1.1.0", {"answer": 2})
    assert older.definition_hash != newer.definition_hash


def test_mcp_in_the_language_s_own_form_gives_the_json_rpc_result(
    client: Millwright, excel: ExcelServer
) -> None:
    client.workflows.publish(f"""
document: {{ dsl: '1.0.3', namespace: plant, name: native, version: '1.0.0' }}
do:
  - list:
      call: mcp
      with:
        method: tools/list
        transport:
          http:
            endpoint:
              uri: {excel.url}
              authentication: {{ bearer: {{ token: '${{ .token }}' }} }}
      output: {{ as: '[ .tools[].name ]' }}
""")
    instance = run(client, "native", {"token": excel.token}, namespace="plant")
    assert instance.status == "COMPLETED", instance.error
    assert "read_range" in instance.output


@pytest.mark.anyio
async def test_the_plain_temporal_client_starts_instances_too(
    client: Millwright, temporal: Client, system: System
) -> None:
    client.workflows.publish("""
document: { dsl: '1.0.3', namespace: plant, name: doubled, version: '1.0.0' }
do: [ { double: { set: { twice: '${ .n * 2 }' } } } ]
""")
    tenant = client.me().tenant_id
    result = await temporal.execute_workflow(
        "plant.doubled",
        {"tenant_id": tenant, "input": {"n": 21}},
        id=f"{tenant}/plant/doubled/from-the-sdk",
        task_queue=system.settings.temporal.task_queue,
    )
    assert result == {"twice": 42}
    seen = client.instances.get("plant.doubled.from-the-sdk")
    assert (seen.status, seen.version, seen.output) == ("COMPLETED", "1.0.0", {"twice": 42})


def portal_describe(system: System, client: Millwright, instance_id: str) -> dict[str, Any]:
    """Read what the Web UI shows, with a client of its own."""
    import anyio.from_thread  # noqa: PLC0415 - only this helper leaves the sync world

    namespace, name, key = instance_id.split(".", 2)
    workflow_id = f"{client.me().tenant_id}/{namespace}/{name}/{key}"

    async def describe() -> dict[str, Any]:
        temporal = await Client.connect(system.settings.temporal.address)
        handle = temporal.get_workflow_handle(workflow_id)
        description = await handle.describe()
        history = await handle.fetch_history()
        scheduled = [
            event.user_metadata.summary.data.decode().strip('"')
            for event in history.events
            if event.HasField("activity_task_scheduled_event_attributes")
        ]
        attributes = {pair.key.name for pair in description.typed_search_attributes}
        return {
            "id": description.id,
            "type": description.workflow_type,
            "summary": await description.static_summary(),
            "attributes": {name for name in attributes if name.startswith("Millwright")},
            "activity_summaries": scheduled,
        }

    with anyio.from_thread.start_blocking_portal() as portal:
        return portal.call(describe)
