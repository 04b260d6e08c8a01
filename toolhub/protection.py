"""How one server is guarded: the installation's numbers, and what its registration says instead."""

from datetime import datetime

from pydantic import BaseModel, Field

from foundation.json import JsonObject
from foundation.settings import McpSettings
from toolhub.breaker.types import Mode


class Protection(McpSettings, extra="forbid", frozen=True):
    """Numbers of one server; what is left out is as the installation has it."""


class Forced(BaseModel, frozen=True):
    """What an administrator decided about a breaker."""

    mode: Mode = Mode.AUTO
    reason: str | None = None
    by: str | None = None
    at: datetime | None = None


class BreakerChange(BaseModel, extra="forbid", frozen=True):
    """Who decides from now on. What the breaker has found out is forgotten.

    Attributes:
        mode: `auto`: the breaker. `open`: nothing goes out. `closed`: everything goes out.
            `disabled`: everything goes out and nothing is counted.
        reason: For whoever wonders later.
    """

    mode: Mode
    reason: str | None = Field(default=None, max_length=500)


class BreakerMoment(BaseModel, frozen=True):
    """A change of state."""

    at: datetime
    state: str


class BreakerInfo(BaseModel, frozen=True):
    """The breaker of one server.

    Attributes:
        state: What it has found out: `closed`, `open` or `half-open`. `forced` may say otherwise.
        calls: How many of the last calls it looks at; failed and slow ones are of these.
        open_for_s: How long no call goes out for now.
        refused: Calls not let through, by breaker or rate, since the server was last idle.
        moments: The last changes of state, the newest one last.
        shared: It is what all processes know. Without Redis each worker has a breaker of its own,
            and this is the one of the API.
        numbers: Those that hold for this server.
    """

    server: str
    state: str
    forced: Forced
    calls: int
    failed: int
    slow: int
    open_for_s: float
    refused: int
    moments: list[BreakerMoment]
    shared: bool
    numbers: McpSettings


def numbers_of(defaults: McpSettings, protection: JsonObject | None) -> McpSettings:
    """Return the numbers that hold for a server."""
    return McpSettings.model_validate({**defaults.model_dump(), **(protection or {})})


def forced_of(stored: JsonObject | None) -> Forced:
    """Return what an administrator decided."""
    return Forced.model_validate(stored or {})
