"""Reading a published definition. The catalogue is handed in; this floor does not know it."""

import asyncio
from dataclasses import dataclass
from typing import Protocol

from temporalio import activity

from activities.definitions.types import LoadDefinition, LoadedDefinition
from activities.faults import translated


class DefinitionSource(Protocol):
    """What this activity needs of the catalogue."""

    def load(self, request: LoadDefinition) -> LoadedDefinition:
        """Return the definition.

        Raises:
            NotFoundError: When the tenant has no such definition.
        """
        ...


@dataclass(frozen=True)
class DefinitionActivities:
    """Activities over one source of definitions."""

    source: DefinitionSource

    @activity.defn(name="load-definition")
    async def load_definition(self, request: LoadDefinition) -> LoadedDefinition:
        """Look a definition up for a run that was not given one."""
        with translated():
            return await asyncio.to_thread(self.source.load, request)
