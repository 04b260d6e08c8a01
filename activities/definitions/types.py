"""What crosses the wire when a run looks its definition up. Fields are added, never renamed."""

from pydantic import BaseModel

from foundation.json import JsonObject


class Engine(BaseModel, frozen=True):
    """What a run is executed by, pinned when it starts: values must not change under it."""

    interpreter: str
    expressions: str


class LoadDefinition(BaseModel, frozen=True):
    """Which definition: by hash when it is known, else by version, else the newest."""

    tenant_id: str
    namespace: str
    name: str
    version: str | None = None
    hash: str | None = None


class LoadedDefinition(BaseModel, frozen=True):
    """A published definition, pinned from here on by its hash, and what will execute it."""

    version: str
    hash: str
    document: JsonObject
    engine: Engine
