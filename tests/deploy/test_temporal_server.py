import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from temporalio.api.operatorservice.v1 import RemoveSearchAttributesRequest
from temporalio.client import Client

from deploy.local.ports import free_port
from deploy.local.processes import Child, ProcessError
from deploy.local.temporal_server import (
    TemporalOptions,
    missing_search_attributes,
    prepare_cluster,
    temporal_program,
    temporal_ready,
)
from foundation.errors import UnavailableError
from foundation.settings import TemporalSettings
from foundation.temporal import connect
from workflows.interpreter.types import STATUS_ATTRIBUTE, TENANT_ATTRIBUTE, VERSION_ATTRIBUTE

pytestmark = pytest.mark.anyio


@contextmanager
def running(options: TemporalOptions) -> Iterator[TemporalSettings]:
    server = Child(temporal_program(options))
    try:
        temporal_ready(server, options.address)
        yield TemporalSettings(address=options.address)
    finally:
        server.stop()


@pytest.fixture(scope="module")
def other_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TemporalSettings]:
    log = tmp_path_factory.mktemp("cluster") / "temporal.log"
    with running(TemporalOptions(port=free_port(), log=log)) as settings:
        yield settings


async def test_the_dev_server_knows_our_search_attributes(temporal: Client) -> None:
    assert await missing_search_attributes(temporal) == []


async def test_a_cluster_that_lacks_our_search_attributes_gets_them(
    other_cluster: TemporalSettings,
) -> None:
    client = await connect(other_cluster)
    await client.operator_service.remove_search_attributes(
        RemoveSearchAttributesRequest(
            namespace="default",
            search_attributes=[TENANT_ATTRIBUTE, VERSION_ATTRIBUTE, STATUS_ATTRIBUTE],
        )
    )
    assert await missing_search_attributes(client) == [
        TENANT_ATTRIBUTE,
        VERSION_ATTRIBUTE,
        STATUS_ATTRIBUTE,
    ]
    await prepare_cluster(other_cluster)
    assert await missing_search_attributes(client) == []


async def test_a_cluster_that_refuses_them_is_an_error_with_the_commands_to_type(
    other_cluster: TemporalSettings,
) -> None:
    nowhere = other_cluster.model_copy(update={"namespace": "nowhere"})
    with pytest.raises(UnavailableError, match="temporal operator search-attribute create"):
        await prepare_cluster(nowhere)


def test_runs_in_a_file_survive_a_restart(tmp_path: Path) -> None:
    options = TemporalOptions(free_port(), tmp_path / "temporal.log", file=tmp_path / "runs.db")
    run = uuid4().hex
    with running(options) as settings:
        asyncio.run(start(settings, run))
    with running(options) as settings:
        assert asyncio.run(type_of(settings, run)) == "plant.check"


async def start(settings: TemporalSettings, run: str) -> None:
    client = await connect(settings)
    await client.start_workflow("plant.check", id=run, task_queue="nobody")


async def type_of(settings: TemporalSettings, run: str) -> str | None:
    client = await connect(settings)
    return (await client.get_workflow_handle(run).describe()).workflow_type


def test_a_server_whose_port_is_taken_says_so(temporal_address: str, tmp_path: Path) -> None:
    port = int(temporal_address.rpartition(":")[2])
    options = TemporalOptions(port, tmp_path / "temporal.log")
    server = Child(temporal_program(options))
    with pytest.raises(ProcessError, match=r"Temporal ended(.|\n)*address already in use"):
        server.wait_ready(lambda: False, 10)


def test_the_dev_server_is_told_not_to_delay_steps_and_timers(tmp_path: Path) -> None:
    options = TemporalOptions(port=free_port(), log=tmp_path / "temporal.log")
    command = temporal_program(options).command
    assert "history.transferProcessorMaxPollRPS=2000" in command
    assert 'history.timerProcessorMaxTimeShift="1ms"' in command
    assert "matching.enableFairness=true" in command
    assert "matching.numTaskqueueWritePartitions=1" in command
