"""What can stand in for a tool, and how a result says that something did."""

from datetime import datetime
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from foundation.json import JsonValue

MAX_AGE_S: Final = 30 * 86_400.0

Kind: TypeAlias = Literal["static", "last-good", "tool"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StaticFallback(_Strict):
    """A value that is written down beforehand. Whoever may read policies reads it, too.

    Attributes:
        value: What a workflow gets; it has to fit the tool's `output_schema`.
    """

    kind: Literal["static"]
    value: JsonValue


class LastGoodFallback(_Strict):
    """What the tool answered the last time, as long as it is the same tool.

    Attributes:
        max_age_s: An older answer is not given.
        any_arguments: Also the answer to other arguments.
    """

    kind: Literal["last-good"]
    max_age_s: float = Field(gt=0, le=MAX_AGE_S, allow_inf_nan=False)
    any_arguments: bool = False


class ToolFallback(_Strict):
    """A tool of another server, called with the same arguments. Its own fallback is not asked.

    Attributes:
        tool: Its name; left out, the same.
        sha256: The tool that is meant, as definitions pin one.
    """

    kind: Literal["tool"]
    server: str = Field(min_length=1, max_length=63)
    tool: str | None = Field(default=None, min_length=1, max_length=128)
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")


Fallback: TypeAlias = Annotated[
    StaticFallback | LastGoodFallback | ToolFallback, Field(discriminator="kind")
]


class Provenance(BaseModel, frozen=True):
    """Where a result comes from that is not what the tool answered to this call.

    Attributes:
        kind: What stood in.
        error: Code of the error that the call ended with.
        reason: Its message.
        at: When the tool gave the answer, where it is its last good one.
        server: Which one was called instead.
        tool: Which of its tools.
    """

    kind: Kind
    error: str
    reason: str
    at: datetime | None = None
    server: str | None = None
    tool: str | None = None
