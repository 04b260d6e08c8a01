"""Look up what a run shall execute."""

from activities.definitions.activities import DefinitionActivities, DefinitionSource
from activities.definitions.types import LoadDefinition, LoadedDefinition

__all__ = ["DefinitionActivities", "DefinitionSource", "LoadDefinition", "LoadedDefinition"]
