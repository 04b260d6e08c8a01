"""What a breaker is asked and what it says. Times are milliseconds: so Redis counts them, too."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol, TypeAlias

from foundation.settings import McpSettings

FOREVER_PERCENT: Final = 100.0  # MORE than this never fails


class State(StrEnum):
    """What a breaker has found out; the letters are those in Redis."""

    CLOSED = "C"
    OPEN = "O"
    HALF_OPEN = "H"

    @property
    def word(self) -> str:
        """Return it in words."""
        return self.name.lower().replace("_", "-")


class Mode(StrEnum):
    """Who decides: the breaker, or an administrator in its place."""

    AUTO = "auto"
    OPEN = "open"  # nothing goes out
    CLOSED = "closed"  # everything goes out; the window is kept, and nothing follows from it
    DISABLED = "disabled"  # everything goes out, and nothing is counted


class Verdict(StrEnum):
    """What one call says about its server; the letters are those in Redis."""

    GOOD = "g"
    SLOW = "s"
    BAD = "b"
    BAD_AND_SLOW = "x"
    ALIVE = "a"  # it answers: ends a probe well, and is otherwise not counted
    NOTHING = "i"  # a probe has to be made again

    @property
    def counts(self) -> bool:
        """Tell whether it is one of the last calls."""
        return self not in {Verdict.ALIVE, Verdict.NOTHING}

    @property
    def failed(self) -> bool:
        """Tell whether it counts against the server."""
        return self in {Verdict.BAD, Verdict.BAD_AND_SLOW}

    @property
    def slow(self) -> bool:
        """Tell whether it took longer than it should."""
        return self in {Verdict.SLOW, Verdict.BAD_AND_SLOW}


class Why(StrEnum):
    """Why a call may not go out; the letters are those in Redis."""

    FORCED = "F"
    OPEN = "O"
    PROBING = "X"
    THROTTLED = "T"
    RATE = "R"


@dataclass(frozen=True)
class Rules:
    """The numbers of one server."""

    window: int
    min_calls: int
    failure_percent: float
    slow_percent: float
    open_ms: int
    mode: Mode
    interval_ms: float
    burst: int

    @classmethod
    def of(cls, numbers: McpSettings, mode: Mode) -> "Rules":
        """Take the numbers from the settings of a server."""
        forced = mode is not Mode.AUTO
        rate = numbers.rate_per_minute
        return cls(
            window=numbers.breaker_window,
            # More than the window holds would never be reached.
            min_calls=min(numbers.breaker_min_calls, numbers.breaker_window),
            failure_percent=FOREVER_PERCENT if forced else numbers.breaker_failure_percent,
            slow_percent=FOREVER_PERCENT if forced else numbers.breaker_slow_percent,
            open_ms=round(numbers.breaker_open_s * 1000),
            mode=mode,
            interval_ms=0.0 if rate is None else 60_000 / rate,
            burst=numbers.rate_burst,
        )

    def trips(self, window: str) -> bool:
        """Tell whether the last calls are reason enough to open."""
        calls = len(window)
        failed, slow = (
            sum(letter in letters for letter in window) * 100 for letters in ("bx", "sx")
        )
        too_many = failed > self.failure_percent * calls or slow > self.slow_percent * calls
        return calls >= self.min_calls and too_many


@dataclass(frozen=True)
class Ticket:
    """The right to make one call; its result is told with it.

    Attributes:
        epoch: Results of an earlier one than the breaker's are ignored: they come too late.
        shared: Redis gave it, so Redis is told.
        moved: This call is the first after the wait: the breaker is half-open now.
    """

    token: str
    epoch: int
    probe: bool = False
    shared: bool = False
    moved: bool = False


@dataclass(frozen=True)
class Refusal:
    """Why a call may not go out, and when it is worth asking again."""

    why: Why
    left_ms: int


Answer: TypeAlias = Ticket | Refusal


@dataclass(frozen=True)
class Moment:
    """A change of state."""

    at_ms: int
    state: State


@dataclass(frozen=True)
class Snapshot:
    """What is known about a server.

    Attributes:
        window: The verdicts of the last calls, one letter each.
        refused: Calls that were not let through.
        shared: It is what all replicas know; else this process alone.
    """

    state: State = State.CLOSED
    window: str = ""
    left_ms: int = 0
    refused: int = 0
    moments: list[Moment] = field(default_factory=list)
    shared: bool = False


class Breaker(Protocol):
    """A breaker per key."""

    async def acquire(self, key: str, rules: Rules, lease_ms: int) -> Answer:
        """Ask whether a call may go out.

        Args:
            key: Tenant and server.
            rules: Its numbers.
            lease_ms: Who probes and says nothing for so long is taken for dead.
        """
        ...

    async def record(
        self, key: str, rules: Rules, ticket: Ticket, verdict: Verdict, throttle_ms: int = 0
    ) -> State | None:
        """Tell what came of a call; return the state if it changes by this.

        Args:
            key: Tenant and server.
            rules: Its numbers.
            ticket: What `acquire` gave.
            verdict: What the call says about the server.
            throttle_ms: The server asked for no calls for so long.
        """
        ...

    async def look(self, key: str) -> Snapshot:
        """Return what is known."""
        ...

    async def reset(self, key: str) -> None:
        """Forget what was found out about the server; how many calls it may get stays."""
        ...
