from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from temporalio.client import Client

from foundation.settings import TemporalSettings
from security.permissions import permissions_of
from security.principal import Principal
from tests.instances.shelf import Shelf
from tests.instances.stand_in import GO, worker
from workflows.instances.service import Instances
from workflows.instances.types import Started
from workflows.runs.names import of_instance_id
from workflows.runs.pages import PageTokens

NAMESPACE, NAME = "press-line", "defect-watch"


def principal_of(tenant: str) -> Principal:
    return Principal(
        tenant_id=tenant,
        subject="ana",
        email="ana@plant.example",
        roles=frozenset({"admin"}),
        permissions=permissions_of(["admin"]),
    )


@dataclass
class Floor:
    """One tenant, one definition, and the front door to its instances."""

    temporal: Client
    principal: Principal
    shelf: Shelf
    instances: Instances
    settings: TemporalSettings

    @property
    def task_queue(self) -> str:
        return self.settings.task_queue

    @property
    def tenant(self) -> str:
        return self.principal.tenant_id

    async def start(self, *script: dict[str, Any], **more: Any) -> Started:
        return await self.instances.start(
            self.principal, NAMESPACE, NAME, value={"script": list(script)}, **more
        )

    async def go(self, instance_id: str) -> None:
        """Let a run that holds go on."""
        await self.temporal.get_workflow_handle(self.workflow_id(instance_id)).signal(GO)

    def workflow_id(self, instance_id: str) -> str:
        run = of_instance_id(instance_id)
        assert run is not None
        return run.workflow_id(self.tenant)


@pytest.fixture
def principal(tenant: str) -> Principal:
    return principal_of(tenant)


@pytest.fixture
def shelf(tenant: str) -> Shelf:
    shelf = Shelf(tenant)
    shelf.publish()
    return shelf


@pytest.fixture
def floor(
    temporal: Client, temporal_address: str, task_queue: str, principal: Principal, shelf: Shelf
) -> Floor:
    settings = TemporalSettings(address=temporal_address, task_queue=task_queue)
    instances = Instances(temporal, shelf, settings, PageTokens(b"key of this test"))
    return Floor(temporal, principal, shelf, instances, settings)


@pytest.fixture
async def working(floor: Floor) -> AsyncIterator[Floor]:
    """The same with a worker."""
    async with worker(floor.temporal, floor.task_queue):
        yield floor
