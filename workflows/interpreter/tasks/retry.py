"""When to try again, and how long to wait before: the retry policy of a `catch`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from temporalio import workflow

from foundation.json import JsonValue
from workflows.definition import RetryPolicy
from workflows.expressions import Expression
from workflows.interpreter.compiling import Place
from workflows.interpreter.durations import Delay
from workflows.interpreter.run import Frame

Backoff: TypeAlias = Literal["constant", "linear", "exponential"]

# A policy without a delay must neither keep a worker busy nor fill the history: after so many
# attempts at once there is a pause before each.
_AT_ONCE: Final = 10
_NO_DELAY_S: Final = 0.01
_LEAST_PAUSE_S: Final = 1.0
# What ran before there was such a pause goes on without.
_PAUSES: Final = "attempts-without-delay-pause"
# Long enough for any outage; beyond it an exponential delay means "never".
MAX_DELAY_S: Final = 7 * 86_400.0


@dataclass(frozen=True, slots=True)
class Retry:
    """A compiled policy.

    Attributes:
        attempts: How many there may be in all; None for any number.
        attempt_duration: How long one may take.
        duration: How long all of them may take together, delays included.
    """

    when: Expression | None
    except_when: Expression | None
    delay: Delay | None
    backoff: Backoff
    attempts: int | None
    attempt_duration: Delay | None
    duration: Delay | None
    jitter: tuple[Delay, Delay] | None

    def applies(self, value: JsonValue, frame: Frame, variables: Mapping[str, JsonValue]) -> bool:
        """Tell whether an error is one to try again after."""
        if self.when is not None and not frame.holds(self.when, value, variables):
            return False
        return self.except_when is None or not frame.holds(self.except_when, value, variables)

    def is_last(self, attempt: int) -> bool:
        """Tell whether no attempt follows this one, by its number."""
        return self.attempts is not None and attempt >= self.attempts

    def pause(self, attempt: int, began: float, value: JsonValue, frame: Frame) -> float | None:
        """Return the seconds to wait after this attempt; None when it was the last one.

        Args:
            attempt: Its number, from 1.
            began: When the first attempt began.
        """
        if self.is_last(attempt):
            return None
        base = self.delay.seconds(value, frame) if self.delay else 0.0
        pause = min(base * _factor(self.backoff, attempt), MAX_DELAY_S)
        if self.jitter is not None:
            low, high = (each.seconds(value, frame) for each in self.jitter)
            pause += workflow.random().uniform(min(low, high), max(low, high))
        if pause < _NO_DELAY_S and attempt >= _AT_ONCE and workflow.patched(_PAUSES):
            pause = _LEAST_PAUSE_S
        if self.duration is not None:
            left = began + self.duration.seconds(value, frame) - workflow.time()
            if pause >= left:
                return None
        return pause


def _factor(backoff: Backoff, attempt: int) -> float:
    match backoff:
        case "constant":
            return 1.0
        case "linear":
            return float(attempt)
        case "exponential":
            return 2.0 ** min(attempt - 1, 64)


def compile_retry(policy: RetryPolicy | str | None, place: Place) -> Retry | None:
    """Compile a policy; a name refers to `use.retries`."""
    if policy is None:
        return None
    if isinstance(policy, str):
        policy = place.used("retries", policy)
        assert isinstance(policy, RetryPolicy)  # noqa: S101 - the model says so
    limit = policy.limit
    attempt = limit.attempt if limit else None
    jitter = policy.jitter
    return Retry(
        when=place.condition(policy.when) if policy.when else None,
        except_when=place.condition(policy.except_when) if policy.except_when else None,
        delay=place.delay(policy.delay) if policy.delay is not None else None,
        backoff=_backoff(policy),
        attempts=attempt.count if attempt else None,
        attempt_duration=_delay(attempt.duration if attempt else None, place),
        duration=_delay(limit.duration if limit else None, place),
        jitter=(place.delay(jitter.from_), place.delay(jitter.to)) if jitter else None,
    )


def _delay(spec: object, place: Place) -> Delay | None:
    return None if spec is None else place.delay(spec)


def _backoff(policy: RetryPolicy) -> Backoff:
    if policy.backoff is None:
        return "constant"
    if policy.backoff.linear is not None:
        return "linear"
    return "exponential" if policy.backoff.exponential is not None else "constant"
