"""Writing the log of calls: in batches, beside the calls, which never wait for it."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import structlog
from anyio import to_thread
from pydantic import TypeAdapter
from typing_extensions import TypedDict

from foundation.database import Database
from foundation.errors import MillwrightError, UnavailableError
from foundation.json import JsonObject, JsonValue
from foundation.telemetry import trace_id
from toolhub.calls.repository import write
from toolhub.calls.schemas import CallStatus
from toolhub.directory import Entry
from toolhub.outcome import Executed, Outcome
from toolhub.repository import made_storable
from toolhub.schemas import CallTool, ToolResult

# A call that is over sooner is written once, with its end.
BATCH_S: Final = 0.25
AGAIN_S: Final = 1.0
BATCH: Final = 500
# Without the database no tool is found either, after ten seconds: more than fits into those.
MAX_WAITING: Final = 20_000
# On top of what a call may take, before it counts as lost.
_MARGIN: Final = timedelta(seconds=30)
_MAX_TASK: Final = 4_000

log = structlog.get_logger(__name__)


class _Fields(TypedDict):
    """What a row begins with."""

    tenant_id: str
    id: UUID
    server_id: UUID
    server: str
    tool: str
    sha256: str
    instance_id: str | None
    run_id: str | None
    task: str | None
    called_by: str | None
    attempt: int
    idempotency_key: str | None
    trace_id: str | None
    arguments_hash: str
    started_at: datetime
    due_at: datetime


_FIELDS: Final = TypeAdapter(_Fields)


@dataclass(kw_only=True)
class Noted:
    """One call, as far as it has come. What is told here is written soon after."""

    fields: _Fields
    status: CallStatus = CallStatus.RUNNING
    executed: Executed = Executed.NO
    error: str | None = None
    result_hash: str | None = None
    latency_ms: float | None = None
    fallback: str | None = None
    runs_on: bool = False
    outcome: Outcome | None = None
    ledger_key: str | None = None
    was_sent: bool = False

    def sent(self) -> None:
        """Note that the request leaves: from here on only an answer tells whether it ran."""
        self.executed, self.was_sent = Executed.UNKNOWN, True

    def judged(self, outcome: Outcome) -> None:
        """Note what the exchange says about whether the tool ran."""
        self.executed, self.outcome = outcome.executed, outcome

    def degraded(self, fallback: str, error: str) -> None:
        """Note that the caller gets something else than the tool's answer.

        Args:
            fallback: Kind of what stood in.
            error: Code of what the call itself ended with.
        """
        self.fallback, self.error = fallback, error

    def later(self, due_at: datetime) -> JsonObject:
        """Note that the tool runs on as a task; return what `CallLog.ending` has to know.

        Args:
            due_at: Whoever has not told its end by then is gone.
        """
        self.runs_on = True
        self.fields["due_at"] = due_at
        kept: JsonObject = _FIELDS.dump_python(self.fields, mode="json")
        return kept

    def row(self) -> dict[str, Any]:
        """Return what is written."""
        return {
            **self.fields,
            "status": self.status.value,
            "executed": self.executed.name.lower(),
            "error": self.error,
            "result_hash": self.result_hash,
            "latency_ms": self.latency_ms,
            "fallback": self.fallback,
        }


class CallLog:
    """The log, as the calls of one process write it.

    Args:
        key: Hashes of payloads are made with it.
    """

    def __init__(self, database: Database, key: bytes) -> None:
        self._database = database
        self._key = key
        self._waiting: dict[UUID, Noted] = {}
        self._writing: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()
        self._dropped = 0

    @contextmanager
    def noting(self, call: CallTool, entry: Entry) -> Iterator[Noted]:
        """Surround one call: its beginning and its end are noted, whatever the end is."""
        begun = time.perf_counter()
        noted = Noted(fields=self._begin(call, entry))
        self._note(noted)
        with self._until_its_end(noted, lambda: time.perf_counter() - begun):
            yield noted

    @contextmanager
    def ending(self, note: JsonObject) -> Iterator[Noted]:
        """Surround the end of a call that ran on as a task."""
        noted = _noted(note)
        with self._until_its_end(noted, lambda: _since(noted)):
            yield noted

    def ended(
        self, note: JsonObject, status: CallStatus, executed: Executed, error: str | None = None
    ) -> Noted:
        """Note that a call that ran on as a task came to no result."""
        noted = _noted(note)
        noted.status, noted.executed, noted.error = status, executed, error
        noted.latency_ms = _since(noted) * 1000
        self._note(noted)
        return noted

    @contextmanager
    def _until_its_end(self, noted: Noted, took_s: Callable[[], float]) -> Iterator[None]:
        try:
            yield
            if not noted.runs_on:
                # Of the call itself; whoever made it goes on all the same.
                noted.status = CallStatus.FAILED if noted.fallback else CallStatus.SUCCEEDED
        except asyncio.CancelledError:
            noted.status = CallStatus.CANCELLED
            raise
        except BaseException as error:
            noted.status = CallStatus.FAILED
            noted.error = error.code if isinstance(error, MillwrightError) else "internal"
            raise
        finally:
            if not noted.runs_on:
                noted.latency_ms = took_s() * 1000
            self._note(noted)

    def answered(self, tenant_id: str, noted: Noted, result: ToolResult) -> None:
        """Note what the tool answered."""
        noted.result_hash = self._hash(tenant_id, result.value)

    async def aclose(self) -> None:
        """Write what is left; call it before the database is closed."""
        self._closing.set()
        if self._writing is not None:
            await self._writing

    def _begin(self, call: CallTool, entry: Entry) -> _Fields:
        now, origin = datetime.now(tz=UTC), call.origin
        timeout_s = min(call.timeout_s or entry.timeout_s, entry.timeout_s)
        longest = timedelta(seconds=timeout_s + entry.guarded.numbers.max_wait_s)
        return {
            "tenant_id": call.tenant_id,
            "id": uuid4(),
            "server_id": UUID(entry.guarded.server_id),
            "server": call.server,
            "tool": entry.tool,
            "sha256": entry.sha256,
            "instance_id": origin.instance_id,
            "run_id": origin.run_id,
            "task": made_storable(origin.task)[:_MAX_TASK] if origin.task else None,
            "called_by": origin.person,
            "attempt": origin.attempt,
            "idempotency_key": call.idempotency_key or call.call_id,
            "arguments_hash": self._hash(call.tenant_id, call.arguments),
            "started_at": now,
            "due_at": now + longest + _MARGIN,
            "trace_id": trace_id(),
        }

    def _hash(self, tenant_id: str, payload: JsonValue) -> str:
        # Spelled so that nothing a call may hold is refused here.
        spelled = json.dumps([tenant_id, payload], sort_keys=True, separators=(",", ":"))
        return hmac.new(self._key, spelled.encode(), hashlib.sha256).hexdigest()

    def _note(self, noted: Noted) -> None:
        key = noted.fields["id"]
        if key not in self._waiting and len(self._waiting) >= MAX_WAITING:
            self._dropped += 1
            return
        self._waiting[key] = noted
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_all())

    async def _write_all(self) -> None:
        """Write until nothing waits."""
        pause_s = BATCH_S
        while self._waiting:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), pause_s)
            pause_s = BATCH_S
            batch = {key: self._waiting.pop(key) for key in list(self._waiting)[:BATCH]}
            try:
                await to_thread.run_sync(self._write, [each.row() for each in batch.values()])
            except UnavailableError as error:
                self._waiting = batch | self._waiting
                pause_s = AGAIN_S
                if not self._try_again(error.message):
                    return
            except Exception:
                # A row that the database refuses must not hold up all that come after it.
                log.exception("mcp_calls_not_logged", count=len(batch))
            if self._dropped:
                log.error("mcp_calls_not_logged", count=self._dropped, why="too many waited")
                self._dropped = 0

    def _try_again(self, why: str) -> bool:
        """Tell whether there is time to; if not, say what is given up."""
        if self._closing.is_set():
            log.error("mcp_calls_not_logged", count=len(self._waiting), why=why)
            return False
        log.warning("mcp_calls_not_logged_yet", why=why, again_in_s=AGAIN_S)
        return True

    def _write(self, rows: list[dict[str, Any]]) -> None:
        with self._database.session() as session:
            write(session, rows)


def _noted(note: JsonObject) -> Noted:
    return Noted(fields=_FIELDS.validate_python(note), executed=Executed.YES)


def _since(noted: Noted) -> float:
    return max((datetime.now(tz=UTC) - noted.fields["started_at"]).total_seconds(), 0.0)
