"""A `server.json`, read: which of its parts mean something here, and within which bounds.

What a publisher wrote is not trusted: sizes, depth and numbers are bounded, and a revision of the
format that is not known is refused by its name, for its fields may mean something else.
"""

import re
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from foundation.errors import InvalidInputError
from foundation.json import JsonObject, JsonValue, canonical

# Between them fields were added, and none got another meaning.
REVISIONS: Final = ("2025-09-29", "2025-10-11", "2025-10-17", "2025-12-11")
MAX_BYTES: Final = 256 * 1024
MAX_DEPTH: Final = 32
_SCHEMA: Final = re.compile(
    r"https://static\.modelcontextprotocol\.io/schemas/([^/]+)/server\.schema\.json#?"
)
_OFFICIAL: Final = "io.modelcontextprotocol.registry/official"
_SHOWN: Final = 200

Text: TypeAlias = Annotated[str, Field(max_length=4096, pattern=r"^[^\x00-\x1f\x7f]*$")]
Words: TypeAlias = Annotated[str, Field(max_length=4096)]
InputName: TypeAlias = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[!-~]+$")]


class _Part(BaseModel):
    # What is not named here says nothing to whoever calls the server: icons, for example.
    model_config = ConfigDict(
        alias_generator=to_camel, extra="ignore", frozen=True, hide_input_in_errors=True
    )


class Input(_Part):
    """Something that whoever uses the server decides, within bounds, or a fixed `value`."""

    description: Words = ""
    is_required: bool = False
    is_secret: bool = False
    format: Literal["string", "number", "boolean", "filepath"] = "string"
    value: Text | None = None
    default: Text | None = None
    choices: list[Text] = Field(default_factory=list, max_length=200)


class Template(Input):
    """An input whose fixed `value` may have `{variables}`."""

    variables: dict[InputName, Input] = Field(default_factory=dict, max_length=64)


class NamedInput(Template):
    """A header or an environment variable."""

    name: InputName


class Argument(Template):
    """Part of a command line."""

    type: Literal["positional", "named"]
    name: InputName | None = None
    value_hint: InputName | None = None
    is_repeated: bool = False


class Remote(_Part):
    """An address where the server runs already."""

    type: Text
    url: Annotated[Text, Field(min_length=1, max_length=2048)]
    headers: list[NamedInput] = Field(default_factory=list, max_length=32)
    variables: dict[InputName, Input] = Field(default_factory=dict, max_length=64)


class Transport(_Part):
    """How a program of a package is spoken to."""

    type: Text


class Package(_Part):
    """A package that has the server as a program."""

    registry_type: Text
    identifier: Text
    version: Text | None = None
    transport: Transport
    package_arguments: list[Argument] = Field(default_factory=list, max_length=100)
    environment_variables: list[NamedInput] = Field(default_factory=list, max_length=100)


class Repository(_Part):
    """Where its source is."""

    url: Text = ""


class ServerDocument(_Part):
    """A server, as its publisher describes it."""

    name: str = Field(min_length=3, max_length=200, pattern=r"^[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+$")
    version: Annotated[Text, Field(min_length=1, max_length=255)]
    description: Annotated[Text, Field(max_length=1000)]
    title: Annotated[Text, Field(max_length=200)] = ""
    website_url: Annotated[Text, Field(max_length=2048)] = ""
    repository: Repository = Repository()
    remotes: list[Remote] = Field(default_factory=list, max_length=32)
    packages: list[Package] = Field(default_factory=list, max_length=32)


def read_document(given: JsonObject) -> tuple[ServerDocument, list[str]]:
    """Read a document, alone or as a registry answers it.

    Returns:
        The server, and what is worth knowing about it.

    Raises:
        InvalidInputError: Names what is wrong; values are not repeated, for they may be secrets.
    """
    if _depth(given, MAX_DEPTH) > MAX_DEPTH:
        raise InvalidInputError(f"The document is nested more than {MAX_DEPTH} levels deep.")
    if len(canonical(given)) > MAX_BYTES:
        raise InvalidInputError(
            f"The document has more than {MAX_BYTES:,} bytes: a server.json is a page of text."
        )
    if isinstance(given.get("servers"), list):
        raise InvalidInputError(
            "This is a list of servers. Import one of them: an item of 'servers' as it is."
        )
    notes: list[str] = []
    inner = given.get("server")
    if isinstance(inner, dict):
        notes, given = _of_registry(given), inner
    _check_revision(given.get("$schema"))
    try:
        return ServerDocument.model_validate(given), notes
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        problems = "; ".join(
            f"/{'/'.join(map(str, one['loc']))}: {one['msg']}" for one in found[:5]
        )
        raise InvalidInputError(
            f"This is no server.json of {REVISIONS[0]} to {REVISIONS[-1]}: {problems}. Older ones "
            "spell their fields otherwise; ask whoever publishes the server for a newer one."
        ) from None


def _of_registry(given: JsonObject) -> list[str]:
    """Read what a registry says of the server besides."""
    meta = given.get("_meta")
    official = meta.get(_OFFICIAL) if isinstance(meta, dict) else None
    status = official.get("status") if isinstance(official, dict) else None
    if status == "deleted":
        raise InvalidInputError(
            "The registry has deleted this server, so it is not imported. If it is trusted all the "
            "same, import what is in 'server' alone."
        )
    return ["The registry says that this server is deprecated."] if status == "deprecated" else []


def _check_revision(schema: JsonValue) -> None:
    if schema is None:
        return
    found = _SCHEMA.fullmatch(schema) if isinstance(schema, str) else None
    if found is None or found[1] not in REVISIONS:
        named = found[1] if found else schema
        raise InvalidInputError(
            f"The document is of the revision {str(named)[:_SHOWN]!a}, which is not known here. "
            f"Known: {', '.join(REVISIONS)}."
        )


def _depth(value: JsonValue, most: int) -> int:
    """Count levels, as far as is needed to tell that there are more than `most`."""
    if most < 0 or not isinstance(value, dict | list):
        return 0
    inner = value.values() if isinstance(value, dict) else value
    return 1 + max((_depth(each, most - 1) for each in inner), default=0)
