"""What crosses the wire for programs (`run`). Fields are added, never renamed."""

import json
from typing import Annotated, Literal, TypeAlias

from pydantic import BeforeValidator, Field

from activities.logins.types import Login
from activities.requests import Request, Texts

Returns: TypeAlias = Literal["stdout", "stderr", "code", "all", "none"]


def _spelled(value: object) -> object:
    """Spell what is no text as JSON: programs read text."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


_Text: TypeAlias = Annotated[str, BeforeValidator(_spelled)]


class ProgramCall(Request, frozen=True):
    """One program.

    Attributes:
        language: `sh` for a shell command, `container` for what an image has.
        code: What is run, where the definition has it; of a container its command.
        source_uri: Where it is, where the definition has it not.
        image: Of a container.
        hostname: Of a container.
        returns: What becomes the output of the task.
        timeout_s: How long it may run by the clock.
    """

    language: Literal["sh", "python", "js", "container"]
    code: str = ""
    source_uri: str | None = None
    source_login: Login | None = None
    arguments: list[_Text] = Field(default_factory=list)
    environment: Texts = Field(default_factory=dict)
    stdin: _Text = ""
    image: str = ""
    hostname: str = ""
    returns: Returns = "stdout"
