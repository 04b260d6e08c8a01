"""What a task wants of the engine (`metadata.millwright`), compiled."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from typing import Final

from temporalio.common import Priority, RetryPolicy

from foundation.json import JsonValue
from workflows.definition import ActivityRetry, duration_seconds
from workflows.expressions import Template
from workflows.interpreter.durations import Delay

# Temporal's limit for a fairness key, in bytes.
MAX_KEY_BYTES: Final = 64
_HASH_CHARS: Final = 16
# What Temporal takes for no delay at all.
_OF_TEMPORAL: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Limit:
    """How many with the same key; without a key, how many executions of the task.

    Attributes:
        period_s: In which so many may begin; 0 where it is about how many are under way.
    """

    limit: int
    key: Template | None = None
    period_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Policy:
    """How calls of one task are carried out; None where the defaults hold.

    Attributes:
        timeout: How long one exchange may take.
        local: Without a queue: faster, and repeated as a whole when a worker dies.
        tags: What the instance can be found by once the task has begun.
    """

    timeout: Delay | None = None
    retry: RetryPolicy | None = None
    task_queue: str | None = None
    priority: int | None = None
    fairness_key: str | None = None
    heartbeat_s: float | None = None
    idempotency_key: Template | None = None
    local: bool = False
    summary: Template | None = None
    concurrency: Limit | None = None
    rate: Limit | None = None
    tags: Mapping[str, Template] = field(default_factory=dict)

    def priority_for(self, tenant_id: str) -> Priority:
        """Return where calls stand in the queue: tenants take turns, whatever each has queued."""
        key = tenant_id if self.fairness_key is None else f"{tenant_id}/{self.fairness_key}"
        return _priority(self.priority, key)


@lru_cache(maxsize=1024)
def _priority(priority: int | None, key: str) -> Priority:
    return Priority(priority_key=priority, fairness_key=bounded(key))


DEFAULT: Final = Policy()


def bounded(key: str, bound: int = MAX_KEY_BYTES) -> str:
    """Make a key that Temporal takes; a long one keeps its beginning and a hash."""
    if len(key.encode()) <= bound:
        return key
    beginning = key.encode()[: bound - _HASH_CHARS - 1].decode(errors="ignore")
    return f"{beginning}~{hashlib.sha256(key.encode()).hexdigest()[:_HASH_CHARS]}"


def retry_policy(spec: ActivityRetry, default: RetryPolicy) -> RetryPolicy:
    """Return what Temporal is told about repeating a call."""
    first = default.initial_interval if spec.delay is None else _seconds(spec.delay)
    longest = default.maximum_interval if spec.max_delay is None else _seconds(spec.max_delay)
    return RetryPolicy(
        initial_interval=first,
        backoff_coefficient=spec.backoff or default.backoff_coefficient,
        # Temporal refuses a shorter one with every workflow task anew, and the run hangs.
        # Publishing refuses it; definitions of older versions may have it.
        maximum_interval=None if longest is None else max(longest, first or _OF_TEMPORAL),
        maximum_attempts=spec.attempts or default.maximum_attempts,
    )


def _seconds(spec: JsonValue | object) -> timedelta:
    return timedelta(seconds=duration_seconds(spec))
