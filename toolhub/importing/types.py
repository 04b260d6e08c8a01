"""What an import is given and what it answers. No secret is in anything that comes out."""

from enum import StrEnum
from typing import Annotated, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from foundation.json import JsonObject
from toolhub.importing.document import InputName, Text
from toolhub.schemas import Dialect, ServerInfo, ServerName

Value: TypeAlias = Text | Annotated[list[Text], Field(max_length=100)]


class ImportRequest(BaseModel):
    """A `server.json` to register.

    Attributes:
        document: The document, alone or as a registry answers it (`{"server", "_meta"}`).
        name: What the server is called here; left out, the last part of its own name.
        choose: Which of its `remotes` or `packages`, when several will do: `remotes/0`.
        values: For what the document asks, by name; a list for an argument that may be repeated.
        secrets: The same for what is secret: kept encrypted, never in the document.
        dry_run: Only show what would be registered and what is missing.
        discover: Ask the server for its tools now, and register nothing when it does not answer.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    document: JsonObject
    name: ServerName | None = None
    choose: str | None = Field(default=None, max_length=40)
    values: dict[InputName, Value] = Field(default_factory=dict, max_length=200)
    secrets: dict[InputName, SecretStr] = Field(default_factory=dict, max_length=200)
    dry_run: bool = False
    discover: bool = True


class State(StrEnum):
    """What is known of an input."""

    MISSING = "missing"
    GIVEN = "given"
    KEPT = "kept"  # from the import before
    DEFAULT = "default"
    LEFT_OUT = "left-out"


class InputInfo(BaseModel, frozen=True):
    """Something that the document asks for.

    Attributes:
        where: What it is part of: `address`, `header X-Api-Key`, `argument --region`.
        secret: It has to be among `secrets`.
    """

    name: str
    where: str
    state: State
    description: str
    required: bool
    secret: bool
    format: str
    default: str | None
    choices: list[str]


class OfferInfo(BaseModel, frozen=True):
    """A way to reach the server that the document names.

    Attributes:
        choose: What to send to take it.
        kind: `streamable-http`, `sse`, or where the package is: `npm`, `pypi`, `oci`.
        problem: Why it cannot be taken.
    """

    choose: str
    kind: str
    what: str
    problem: str | None


class ImportPlan(BaseModel, frozen=True):
    """What is registered.

    Attributes:
        secret_headers: Names of the headers that make up the credential.
        inputs: All that the document asks for.
        missing: Names of those without which nothing is registered.
        notes: What else is worth knowing.
    """

    name: str
    document: str
    version: str
    title: str
    description: str
    choose: str
    dialect: Dialect
    url: str
    arguments: list[str]
    headers: dict[str, str]
    secret_headers: list[str]
    inputs: list[InputInfo]
    missing: list[str]
    notes: list[str]
    offers: list[OfferInfo]


class ImportOutcome(StrEnum):
    """What came of an import, or would."""

    REGISTERED = "registered"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


class ImportResult(BaseModel, frozen=True):
    """What came of an import.

    Attributes:
        outcome: With `dry_run`: what it would be.
        server: As it is registered now; null when nothing is.
    """

    outcome: ImportOutcome
    dry_run: bool
    plan: ImportPlan
    server: ServerInfo | None
