"""The handle of a task at a server: all that any worker needs to go on asking."""

from typing import Final

from pydantic import BaseModel

from foundation.json import JsonObject, JsonValue

# What a server wishes for is bounded: it is neither flooded nor forgotten.
LEAST_PAUSE_S: Final = 0.5
MOST_PAUSE_S: Final = 60.0
PAUSE_S: Final = 5.0
# A task that cannot be asked for so long after its server may have forgotten it is given up.
_SLACK_S: Final = 60.0
_MAX_TTL_MS: Final = 10.0**12


class Handle(BaseModel, frozen=True):
    """A task, as one tenant and one registration of a server know it.

    Attributes:
        server_id: Of that registration: another one of the same name is not asked.
        sha256: Fingerprint of the tool that was called; by that its result is judged.
        pause_s: Between two questions.
        began_at: When it was accepted, in seconds after 1970.
        ttl_s: How long after that the server keeps it; None: it does not say.
        key: Of the ledger, when the call is in there.
        note: For the log of calls, where the call goes on.
    """

    tenant_id: str
    server: str
    server_id: str
    tool: str
    sha256: str
    task_id: str
    pause_s: float
    began_at: float
    ttl_s: float | None
    key: str | None
    note: JsonObject

    def told(self, state: JsonObject) -> "Handle":
        """Return it with what the server says of it now."""
        ttl_s = ttl_of(state) if "ttlMs" in state else self.ttl_s
        return self.model_copy(update={"pause_s": pause_of(state, self.pause_s), "ttl_s": ttl_s})

    def is_over(self, now: float) -> bool:
        """Tell whether the server may have forgotten it."""
        return self.ttl_s is not None and now > self.began_at + self.ttl_s + _SLACK_S


def pause_of(state: JsonObject, otherwise: float = PAUSE_S) -> float:
    """Return how long to wait before the next question."""
    wished = _millis(state.get("pollIntervalMs"))
    return otherwise if wished is None else min(max(wished, LEAST_PAUSE_S), MOST_PAUSE_S)


def ttl_of(state: JsonObject) -> float | None:
    """Return how long a server keeps a task."""
    return _millis(state.get("ttlMs"))


def _millis(value: JsonValue) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return min(max(value, 0.0), _MAX_TTL_MS) / 1000
