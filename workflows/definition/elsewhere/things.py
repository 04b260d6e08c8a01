"""What is wanted from elsewhere, and what was found there."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from pydantic import BaseModel

from foundation.json import JsonValue
from workflows.definition.findings import Code, Path

Kind: TypeAlias = Literal["function", "schema"]


class Wanted(BaseModel, frozen=True):
    """Something that has to be fetched before a definition can be published.

    Attributes:
        key: What it is found under.
        path: Where the definition first asks for it.
        endpoint: Where it is, as the definition has it; None for the tenant's own catalogue.
        name: Of a function in a catalogue.
        version: Of a function in a catalogue.
    """

    kind: Kind
    key: str
    path: Path
    endpoint: JsonValue = None
    name: str | None = None
    version: str | None = None

    @property
    def is_far(self) -> bool:
        """Whether somebody else has to be asked for it, over the network."""
        return self.endpoint is not None


class Origin(BaseModel, frozen=True):
    """Where a part of a published definition came from. Fields are added, never renamed.

    Attributes:
        name: As the definition calls it: `log:1.0.0@global`, or the address of a schema.
        address: From where it was fetched; `default` for the tenant's own catalogue.
        sha256: Of what was fetched, byte by byte.
    """

    kind: Kind
    name: str
    address: str
    sha256: str


class Fetched(BaseModel, frozen=True):
    """What was found.

    Attributes:
        trusted: It is the tenant's own: it may read the secrets that the workflow declares.
    """

    value: JsonValue
    origin: Origin
    trusted: bool = False


class Failed(BaseModel, frozen=True):
    """Why nothing was found, or nothing that could be read."""

    code: Code
    message: str


Found: TypeAlias = Mapping[str, Fetched | Failed]
NOTHING_FOUND: Final[Found] = MappingProxyType({})


class FrozenPart(BaseModel, frozen=True):
    """A part of a definition that was fetched.

    Attributes:
        path: Where it is in the frozen definition.
        asked: Where the author asked for it.
    """

    path: Path
    asked: Path
    origin: Origin
    trusted: bool
