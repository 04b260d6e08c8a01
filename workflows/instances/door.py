"""What every way to act upon instances needs: the client, a look at them, and the one refusal."""

import asyncio

from temporalio.client import Client

from foundation.settings import TemporalSettings
from workflows.instances.inspection import Inspector, no_such
from workflows.instances.types import InstanceSummary
from workflows.runs.launch import Catalogue, Published
from workflows.runs.names import RunName, of_instance_id


class Door:
    """The way to instances, and to what they are made of.

    Args:
        client: Connected, with the pydantic data converter.
        catalogue: Where definitions are looked up; called in a thread.
    """

    def __init__(self, client: Client, catalogue: Catalogue, settings: TemporalSettings) -> None:
        self._client = client
        self._catalogue = catalogue
        self._settings = settings
        self._inspector = Inspector(client, settings)

    async def _definition(
        self, tenant_id: str, namespace: str, name: str, version: str | None
    ) -> Published:
        return await asyncio.to_thread(self._catalogue.get, tenant_id, namespace, name, version)

    async def _after_act(self, tenant_id: str, run: RunName) -> InstanceSummary:
        self._inspector.forget(tenant_id, run)
        return self._inspector.summary(run, await self._inspector.describe(tenant_id, run))


def named(instance_id: str) -> RunName:
    """Read an id as callers write it.

    Raises:
        NotFoundError: When it cannot be one.
    """
    run = of_instance_id(instance_id)
    if run is None:
        raise no_such(instance_id)
    return run
