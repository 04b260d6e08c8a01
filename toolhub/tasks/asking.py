"""Asking a server for a task of its own, once; and telling it that nobody waits any more.

Asking can be repeated at will, so whatever keeps the answer away is only a delay. What a task ended
with is judged, checked, and written into ledger and log like the answer of any call.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final

import structlog
from mcp.types import INVALID_PARAMS
from pydantic import ValidationError

from foundation.apart import apart
from foundation.errors import NotFoundError
from foundation.json import JsonObject, JsonValue
from toolhub import results
from toolhub.answers import check_output, judged
from toolhub.calls.log import CallLog, Noted
from toolhub.calls.schemas import CallStatus
from toolhub.directory import Directory, Entry
from toolhub.errors import (
    CallError,
    CredentialRefusedError,
    InputNeededError,
    OutcomeUnknownError,
    TaskCancelledError,
    TaskFailedError,
)
from toolhub.failures import Attempt, failure
from toolhub.guard import Guard
from toolhub.ledger.service import Ledger
from toolhub.ledger.types import State
from toolhub.observing import Observer
from toolhub.outcome import Executed, Kind, Outcome, classify
from toolhub.schemas import ToolResult
from toolhub.tasks import ends
from toolhub.tasks.types import Handle
from toolhub.wire.exchange import Exchange, Message, Wire
from toolhub.wire.session import RawToolResult

log = structlog.get_logger()

_CAME_TO_NOTHING: Final = (TaskFailedError, TaskCancelledError, InputNeededError)
_FAILED: Final = frozenset({Kind.TOOL_FAILED, Kind.TOOL_FAULT})
# However long the tool itself may take: who asks is over before whoever waits for it gives up.
_ASK_S: Final = 30.0
# Somebody waits to be cancelled.
_CANCEL_S: Final = 10.0


class Tasks:
    """Knows tasks by their handles, whoever was given them.

    Args:
        wire: Of the dialect that has tasks.
        clock: In seconds after 1970.
    """

    def __init__(
        self,
        directory: Directory,
        wire: Wire,
        guard: Guard,
        *,
        ledger: Ledger,
        calls: CallLog,
        observer: Observer,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._directory = directory
        self._wire = wire
        self._guard = guard
        self._ledger = ledger
        self._calls = calls
        self._observer = observer
        self._clock = clock

    async def ask(self, handle: Handle) -> Handle | ToolResult:
        """Ask for a task; return the handle to ask with again, or the result.

        Raises:
            ToolFailedError, ToolOutputError: The tool ran and failed, or broke its promise.
            TaskFailedError, TaskCancelledError: The task ended otherwise.
            InputNeededError: The tool asks something; nobody can answer, so it is cancelled.
            OutcomeUnknownError: The server does not know the task any more, or is another one.
            CallError: It could not be asked. All that are retryable are worth asking again.
        """
        entry = await self._entry(handle)
        state = await self._state(entry, handle)
        match state.get("status"):
            case "working":
                return handle.told(state)
            case "completed":
                return await self._completed(entry, handle, state.get("result"))
            case "failed":
                raise await self._ended(handle, ends.failed(entry, state.get("error")))
            case "cancelled":
                raise await self._ended(handle, ends.cancelled(entry))
            case "input_required":
                await self._leave(handle)
                raise await self._ended(handle, ends.input_needed(entry, state))
            case other:
                raise await self._ended(
                    handle, ends.unreadable(entry, f"its status is {other!r:.100}")
                )

    async def cancel(self, handle: Handle) -> None:
        """Tell the server that nobody waits for the task any more.

        Raises:
            CallError: It could not be told.
        """
        self._observer.ended(self._calls, handle.note, CallStatus.CANCELLED, Executed.YES)
        await self._stop(handle)

    async def _stop(self, handle: Handle) -> None:
        entry = await self._entry(handle)
        attempt, exchange, outcome = await self._sent(entry, handle, "tasks/cancel", _CANCEL_S)
        if outcome.kind is not Kind.ANSWERED and exchange.rpc_code != INVALID_PARAMS:
            raise failure(attempt, outcome, exchange)

    async def _entry(self, handle: Handle) -> Entry:
        try:
            entry = await self._directory.find_called(
                handle.tenant_id, handle.server, handle.tool, handle.sha256
            )
        except NotFoundError as error:
            raise await self._ended(handle, ends.nobody_to_ask(handle, error.message)) from error
        if entry.guarded.server_id != handle.server_id:
            why = f"What is registered as '{handle.server}' now is another server."
            raise await self._ended(handle, ends.nobody_to_ask(handle, why))
        return entry

    async def _state(self, entry: Entry, handle: Handle) -> JsonObject:
        try:
            attempt, exchange, outcome = await self._sent(
                entry, handle, "tasks/get", min(entry.timeout_s, _ASK_S)
            )
            if outcome.kind is Kind.ANSWERED and exchange.result is not None:
                return exchange.result
            # It is away, or wants another credential: the task is worth asking for again.
            delay = replace(outcome, retryable=outcome.kind is not Kind.TOO_LARGE)
            if outcome.kind is Kind.REFUSED and exchange.rpc_code == INVALID_PARAMS:
                raise await self._ended(handle, ends.unknown(entry, exchange.rpc_message))
            raise failure(attempt, delay, exchange)
        except CredentialRefusedError:
            # Perhaps somebody has stored a new one: the next question looks it up.
            self._directory.forget(handle.tenant_id, handle.server)
            raise
        except CallError as error:
            if error.retryable and handle.is_over(self._clock()):
                lost = ends.expired(entry, error.message)
                raise await self._ended(handle, lost) from error
            if not error.retryable and not isinstance(error, OutcomeUnknownError):
                await self._ended(handle, error)
            raise

    async def _sent(
        self, entry: Entry, handle: Handle, method: str, timeout_s: float
    ) -> tuple[Attempt, Exchange, Outcome]:
        message = Message(
            method=method,
            params={"taskId": handle.task_id},
            timeout_s=timeout_s,
            max_bytes=entry.guarded.numbers.max_response_bytes,
            takes_tasks=True,
        )
        what = f"the request '{method}' for the tool '{entry.tool}'"
        attempt = Attempt(entry.to, what, timeout_s, repeatable=True, cap_is_a_number=True)
        async with self._guard.admitted(entry.guarded, timeout_s) as admission:
            exchange = await self._wire.send(entry.to, message)
            outcome = classify(exchange, repeatable=True)
            admission.tell(outcome, exchange)
        return attempt, exchange, outcome

    async def _completed(self, entry: Entry, handle: Handle, found: JsonValue) -> ToolResult:
        try:
            result = RawToolResult.model_validate(found).root
        except ValidationError:
            wrong = ends.unreadable(entry, "it has no result of a tool")
            raise await self._ended(handle, wrong) from None
        exchange = Exchange(result=result, requested=True)
        outcome = judged(entry, exchange, classify(exchange, repeatable=False))
        # Before the end is noted: while the database is away the task is asked for again.
        state = State.FAILED if outcome.kind in _FAILED else State.DONE
        await self._settle(handle, state, result)
        with self._observer.ending(self._calls, handle.note) as noted:
            noted.executed = Executed.YES
            if outcome.kind is not Kind.ANSWERED:
                attempt = Attempt(entry.to, f"the tool '{entry.tool}'", entry.timeout_s, False)
                # Asking again would find the same.
                raise failure(attempt, replace(outcome, retryable=False), exchange)
            return await apart(result, partial(self._read, entry, handle, noted, result))

    def _read(self, entry: Entry, handle: Handle, noted: Noted, found: JsonObject) -> ToolResult:
        result = results.read(found)
        self._calls.answered(handle.tenant_id, noted, result)
        check_output(entry, result)
        return result

    async def _ended(self, handle: Handle, error: CallError) -> CallError:
        """Write down that the task came to no result; return why."""
        executed = Executed.UNKNOWN if isinstance(error, OutcomeUnknownError) else Executed.YES
        if isinstance(error, _CAME_TO_NOTHING):
            # A call that means the same may be made again. Of any other end nobody knows that.
            await self._settle(handle, State.FAILED, None)
        self._observer.ended(self._calls, handle.note, CallStatus.FAILED, executed, error.code)
        return error

    async def _settle(self, handle: Handle, state: State, answer: JsonObject | None) -> None:
        if handle.key is not None:
            was: JsonObject = {"taskId": handle.task_id}
            await self._ledger.came_to(handle.tenant_id, handle.key, was, state, answer)

    async def _leave(self, handle: Handle) -> None:
        """Free the tool, if that can be done."""
        try:
            await self._stop(handle)
        except CallError as error:
            log.warning("mcp_task_not_cancelled", server=handle.server, why=error.message)
