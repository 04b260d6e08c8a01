"""A span and metrics for each call.

Both know tenant, server and tool of a call, how it ended and how long it took; nothing of what was
sent or answered, and of an error its code.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from uuid import UUID

from cachetools import TTLCache
from opentelemetry.trace import SpanKind
from opentelemetry.util.types import AttributeValue

from foundation.json import JsonObject
from foundation.telemetry import OFF, Telemetry
from foundation.telemetry.types import failed
from toolhub.calls.log import CallLog, Noted
from toolhub.calls.schemas import CallStatus
from toolhub.directory import Entry
from toolhub.metrics import CANCELLED, SUCCEEDED, Metrics, code_of
from toolhub.outcome import Executed
from toolhub.schemas import CallTool, McpRequest

# Whoever tells the end of a task may have to tell it again, within the attempts of an activity.
_AGAIN_S: Final = 600.0
_KEPT: Final = 10_000


class Observer:
    """Surrounds the calls of one process."""

    def __init__(self, metrics: Metrics, telemetry: Telemetry = OFF) -> None:
        self.metrics = metrics
        self._telemetry = telemetry
        self._over: TTLCache[UUID, bool] = TTLCache(_KEPT, _AGAIN_S, time.monotonic)

    @contextmanager
    def noting(self, log: CallLog, call: CallTool, entry: Entry) -> Iterator[Noted]:
        """Surround a call of a tool; what the log is told of it is told here, too."""
        server, attempt = entry.to.label, call.origin.attempt
        what: dict[str, AttributeValue] = {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": entry.tool,
            "mcp.method.name": "tools/call",
            "millwright.attempt": attempt,
            "millwright.mcp.server": server,
            "millwright.tenant": call.tenant_id,
        }
        noted: Noted | None = None
        with self._telemetry.span(f"tools/call {entry.tool}", SpanKind.CLIENT, what) as span:
            try:
                with log.noting(call, entry) as noted:
                    yield noted
            finally:
                if noted is not None:
                    span.set_attribute("millwright.mcp.executed", noted.executed.name.lower())
                    if noted.fallback is not None:
                        span.set_attribute("millwright.mcp.fallback", noted.fallback)
                    if noted.error is not None:
                        failed(span, noted.error)
                    # One that runs on as a task is counted when that ends.
                    if not noted.runs_on:
                        self._count(noted)

    @contextmanager
    def ending(self, log: CallLog, note: JsonObject) -> Iterator[Noted]:
        """Surround the end of a call that ran on as a task."""
        noted: Noted | None = None
        try:
            with log.ending(note) as noted:
                yield noted
        finally:
            if noted is not None:
                self._count_once(noted)

    def ended(
        self,
        log: CallLog,
        note: JsonObject,
        status: CallStatus,
        executed: Executed,
        error: str | None = None,
    ) -> None:
        """Tell of a call that ran on as a task and came to no result."""
        self._count_once(log.ended(note, status, executed, error))

    def _count_once(self, noted: Noted) -> None:
        id_ = noted.fields["id"]
        if id_ not in self._over:
            self._over[id_] = True
            self._count(noted)

    def _count(self, noted: Noted) -> None:
        told, seconds = noted.fields, (noted.latency_ms or 0) / 1000
        outcome = noted.error or noted.status
        self.metrics.ended(told["tenant_id"], told["server"], outcome, seconds, told["attempt"])

    @contextmanager
    def requesting(self, request: McpRequest) -> Iterator[None]:
        """Surround a request to a server by its address, of which nothing is told."""
        what = {"mcp.method.name": request.method, "millwright.tenant": request.tenant_id}
        outcome, began = CANCELLED, time.perf_counter()
        with self._telemetry.span(request.method, SpanKind.CLIENT, what) as span:
            try:
                yield
                outcome = SUCCEEDED
            except Exception as error:
                outcome = code_of(error)
                failed(span, outcome)
                raise
            finally:
                seconds = time.perf_counter() - began
                self.metrics.ended(request.tenant_id, "", outcome, seconds, attempt=1)
