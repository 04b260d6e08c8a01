"""What people see of the health of servers."""

from datetime import datetime

from pydantic import BaseModel, Field

from toolhub.breaker.types import Mode
from toolhub.schemas import Dialect, ServerStatus


class HealthInfo(BaseModel, frozen=True):
    """How a server is.

    Attributes:
        status: What came of asking it for its tools the last time.
        healthy: Whether it answered the last check; null when there was none.
        latency_ms: How long that took, the connection included.
        error: Code of what was wrong, as problems have it; `problem` says it in words.
        breaker: What its breaker has found out: `closed`, `open` or `half-open`.
        breaker_mode: Who decides about that: `auto` is the breaker itself.
        quarantined: How many of its tools wait to be accepted.
    """

    server: str
    dialect: Dialect
    status: ServerStatus
    healthy: bool | None
    checked_at: datetime | None
    latency_ms: float | None
    error: str | None
    problem: str | None
    breaker: str
    breaker_mode: Mode
    quarantined: int


class HealthPage(BaseModel, frozen=True):
    """Part of the list of servers, by name."""

    items: list[HealthInfo]
    next_page_token: str | None = Field(description="Where the next page begins; null at the end.")
