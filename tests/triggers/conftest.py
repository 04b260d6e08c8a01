"""A plant whose definitions start by themselves: real database, real Temporal, a worker."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

import pytest
from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError
from temporalio.worker import Replayer, Worker

from activities.definitions import DefinitionActivities
from activities.events import EventActivities
from activities.schedules import ScheduleActivities, TriggerKind
from foundation.database import Database
from foundation.settings import EventSettings, TemporalSettings
from foundation.temporal import connect
from security.principal import Principal
from tests.instances.conftest import principal_of
from tests.triggers.patience import eventually
from workers.main import CatalogSource
from workflows.catalog import Catalog, Publication
from workflows.events.service import Events
from workflows.events.sweeping import sweep as sweep_events
from workflows.events.wiring import build_events
from workflows.interpreter.types import PROGRESS_QUERY, Progress
from workflows.interpreter.workflow import Interpreter
from workflows.runs.names import is_trigger, trigger_id
from workflows.runs.pages import PageTokens
from workflows.schedules.service import Schedules
from workflows.triggers.keeping import Triggers
from workflows.triggers.ledger import Successions
from workflows.triggers.repository import Name
from workflows.triggers.wiring import build_triggers

DECIDED: Final = "workflow_task_completed_event_attributes"
KEEP = "do: [ { keep: { set: { got: '${ . }' } } } ]"


@dataclass
class Plant:
    """One tenant with one definition, `tests.sample`."""

    client: Client
    database: Database
    settings: TemporalSettings
    principal: Principal
    catalog: Catalog
    triggers: Triggers
    events: Events
    schedules: Schedules

    @property
    def tenant(self) -> str:
        return self.principal.tenant_id

    @property
    def name(self) -> Name:
        return Name(self.tenant, "tests", "sample")

    def commit(
        self, version: str, schedule: str, tasks: str = KEEP, metadata: str = ""
    ) -> Publication:
        """Publish a version, and die before Temporal hears of it."""
        head = f"dsl: '1.0.3', namespace: tests, name: sample, version: '{version}'"
        more = f", metadata: {{ millwright: {metadata} }}" if metadata else ""
        own = f"schedule: {schedule}\n" if schedule else ""
        text = f"document: {{ {head}{more} }}\n{own}{tasks}\n"
        return self.catalog.publish(self.principal, text)

    async def publish(
        self, version: str, schedule: str, tasks: str = KEEP, metadata: str = ""
    ) -> None:
        """Publish a version as the API does."""
        self.commit(version, schedule, tasks, metadata)
        await self.triggers.published(*self.name)

    async def send(self, *events: dict[str, Any]) -> None:
        """Publish events; what they leave out is filled in."""
        filled = [
            {"specversion": "1.0", "id": uuid4().hex, "source": "/tests", **event}
            for event in events
        ]
        await self.events.publish(self.tenant, filled)

    def trigger(self, kind: TriggerKind = TriggerKind.ON) -> WorkflowHandle[Any, Any]:
        """Return what starts the instances."""
        return self.client.get_workflow_handle(trigger_id(*self.name, kind))

    async def listens(self) -> None:
        """Wait until the trigger waits for events, and for nothing else."""
        await self.until_progress(lambda it: any(w["kind"] == "event" for w in it.waiting_for))

    async def until_progress(
        self, condition: Callable[[Progress], bool], kind: TriggerKind = TriggerKind.ON
    ) -> None:
        """Wait until the trigger says so."""

        async def look() -> Progress | None:
            try:
                told: Progress = await self.trigger(kind).query(
                    PROGRESS_QUERY, 0, result_type=Progress
                )
            except RPCError:
                return None
            return told

        await eventually(look, lambda found: found is not None and condition(found))

    async def instances(self) -> list[WorkflowExecution]:
        """Return what was started, oldest first; the listing lags behind."""
        query = f"MillwrightTenant = '{self.tenant}'"
        found = [each async for each in self.client.list_workflows(query)]
        assert not [each for each in found if is_trigger(each.id)]
        return sorted(found, key=lambda each: (each.start_time, each.id))

    async def started(self, count: int) -> list[WorkflowExecution]:
        """Wait until so many have been started."""
        return await eventually(self.instances, lambda found: len(found) >= count)

    async def outputs(self, count: int) -> list[Any]:
        """Wait for so many instances to end; return what they were given, sorted."""
        found = await self.started(count)
        outputs = [await self.client.get_workflow_handle(each.id).result() for each in found]
        # Those that are started at the same time begin in any order.
        return sorted((each["got"] for each in outputs), key=str)

    async def versions(self, count: int) -> list[str]:
        """Return the versions of what was started."""
        return [
            str(each.search_attributes["MillwrightVersion"][0])
            for each in await self.started(count)
        ]

    async def replay(self, kind: TriggerKind = TriggerKind.ON) -> int:
        """Replay all runs of the trigger; return how many there are."""
        replayer = Replayer(
            # A busy machine is slow, and that is no deadlock.
            debug_mode=True,
            workflows=[Interpreter],
            data_converter=pydantic_data_converter,
        )
        runs = 0
        query = f"WorkflowId = '{self.trigger(kind).id}'"
        async for each in self.client.list_workflows(query):
            handle = self.client.get_workflow_handle(each.id, run_id=each.run_id)
            history = await handle.fetch_history()
            # A run that has only just begun has nothing to replay, and the SDK would wait for it.
            if any(each.HasField(DECIDED) for each in history.events):
                await replayer.replay_workflow(history)
                runs += 1
        return runs

    async def ended(self, kind: TriggerKind = TriggerKind.ON) -> None:
        """Wait until nothing starts instances any more."""
        await self.trigger(kind).result()
        assert (await self.trigger(kind).describe()).status is WorkflowExecutionStatus.COMPLETED

    async def sweep(self) -> None:
        """Do what a worker does now and then, as if that time had passed."""
        await self.triggers.keep(self.name)
        await sweep_events(self.events)

    async def close(self) -> None:
        """Leave nothing behind that goes on starting instances."""
        for kind in TriggerKind:
            with suppress(RPCError):
                await self.trigger(kind).terminate()
        async for each in await self.client.list_schedules(f"MillwrightTenant = '{self.tenant}'"):
            with suppress(RPCError):
                await self.client.get_schedule_handle(each.id).delete()
        await self.events.aclose()


def plant_of(
    client: Client, address: str, task_queue: str, tenant: str, database: Database
) -> Plant:
    settings = TemporalSettings(address=address, task_queue=task_queue)
    catalog = Catalog(database, Successions())
    return Plant(
        client=client,
        database=database,
        settings=settings,
        principal=principal_of(tenant),
        catalog=catalog,
        triggers=build_triggers(database, client, catalog, settings),
        events=build_events(database, client, EventSettings()),
        schedules=Schedules(client, catalog, settings, PageTokens(b"key of this test")),
    )


@asynccontextmanager
async def at_work(plant: Plant) -> AsyncIterator[None]:
    """Let a worker be there."""
    definitions = DefinitionActivities(CatalogSource(plant.catalog))
    desk = EventActivities(plant.events)
    schedules = ScheduleActivities(plant.triggers.ledger)
    async with Worker(
        plant.client,
        task_queue=plant.settings.task_queue,
        workflows=[Interpreter],
        activities=[
            definitions.load_definition,
            desk.take,
            desk.close,
            desk.publish,
            schedules.follow,
        ],
    ):
        yield


@pytest.fixture
async def idle(
    temporal: Client, temporal_address: str, task_queue: str, tenant: str, shared_database: Database
) -> AsyncIterator[Plant]:
    """A plant where no worker is at work yet."""
    plant = plant_of(temporal, temporal_address, task_queue, tenant, shared_database)
    yield plant
    await plant.close()


@pytest.fixture
async def plant(idle: Plant) -> AsyncIterator[Plant]:
    async with at_work(idle):
        yield idle


@pytest.fixture
async def restless(
    restless_address: str, task_queue: str, tenant: str, shared_database: Database
) -> AsyncIterator[Plant]:
    """The same where runs go on as new ones very soon."""
    client = await connect(TemporalSettings(address=restless_address))
    plant = plant_of(client, restless_address, task_queue, tenant, shared_database)
    async with at_work(plant):
        yield plant
    await plant.close()
