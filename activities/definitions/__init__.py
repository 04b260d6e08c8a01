"""Look up what a run shall execute."""

from activities.definitions.activities import DefinitionActivities, DefinitionSource
from activities.definitions.types import Engine, LoadDefinition, LoadedDefinition

__all__ = [
    "DefinitionActivities",
    "DefinitionSource",
    "Engine",
    "LoadDefinition",
    "LoadedDefinition",
]
