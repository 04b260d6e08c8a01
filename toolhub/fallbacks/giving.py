"""Letting something stand in for a tool that could not be called.

Asked last, when no attempt follows, as libraries for resilience do it (Polly, resilience4j): around
retries, breaker and time-outs, so that it hides none of them.

What has happened decides. A tool with effects has to be certain not to have run, in this attempt
and in all before; one that only reads may have. And the failure has to be one that says that the
server is ill or busy: what is forbidden, wrong or in quarantine is for people to mend.
"""

import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from typing import Final, TypeAlias

import structlog

from foundation.errors import MillwrightError
from foundation.json import JsonObject, JsonValue
from foundation.schemas import Schema, described
from toolhub import results
from toolhub.calls.log import Noted
from toolhub.directory import Entry
from toolhub.errors import (
    AuthorityDownError,
    BreakerOpenError,
    CallError,
    FallbackError,
    ServerCrowdedError,
    ThrottledError,
    ToolOutputError,
)
from toolhub.fallbacks.last_good import LastGood
from toolhub.fallbacks.types import (
    Fallback,
    LastGoodFallback,
    Provenance,
    StaticFallback,
    ToolFallback,
)
from toolhub.ledger.service import Ledger
from toolhub.metrics import Metrics
from toolhub.outcome import Executed, Kind
from toolhub.schemas import CallTool, ToolResult, TriedAgain

# Calls a tool; tells besides whether it has effects.
Other: TypeAlias = Callable[[CallTool], Awaitable[tuple[ToolResult, bool]]]

DEGRADED: Final = "degraded"
_NOT_ASKED: Final = (AuthorityDownError, BreakerOpenError, ThrottledError, ServerCrowdedError)
_ILL_OR_BUSY: Final = frozenset(
    {
        Kind.UNREACHABLE,
        Kind.BUSY,
        Kind.TOOL_FAULT,
        Kind.SERVER_FAILED,
        Kind.BROKEN_OFF,
        Kind.TIMED_OUT,
        Kind.NOT_MCP,
    }
)
# For telling the caller before it gives up.
_SPARE_S: Final = 2.0

log = structlog.get_logger(__name__)


class Fallbacks:
    """What stands in for the tools of all tenants.

    Args:
        last_good: What tools have answered before.
        ledger: Knows whether a tool with effects may have run.
        metrics: Told of every call that something had to stand in for.
    """

    def __init__(self, last_good: LastGood, ledger: Ledger, metrics: Metrics) -> None:
        self._last_good = last_good
        self._ledger = ledger
        self._metrics = metrics

    def keep(self, call: CallTool, entry: Entry, result: ToolResult) -> None:
        """Keep a good result, where the tool falls back on its last one."""
        wanted = entry.policy.fallback
        if not isinstance(wanted, LastGoodFallback):
            return
        answer: dict[str, JsonValue] = {"content": result.content}
        if result.is_structured:
            answer["structuredContent"] = result.structured
        clean = answer if call.clean is None else call.clean(answer)
        if isinstance(clean, dict):
            self._last_good.keep(call, entry, wanted, clean)

    async def instead(
        self, call: CallTool, entry: Entry, noted: Noted, error: CallError, other: Other
    ) -> ToolResult:
        """Return what stands in for a tool whose call has failed.

        Args:
            noted: How far the call came; told what its caller gets.
            other: Calls another tool in its place.

        Raises:
            CallError: `error`, when nothing may stand in or can; that of the other tool, when it
                has effects and may have run.
        """
        fallback = entry.policy.fallback
        if call.stands_in:
            error.may_have_run = not entry.read_only and noted.executed is not Executed.NO
        if noted.executed is Executed.NO and not call.maybe_ran and call.on_not_run:
            call.on_not_run()
        if fallback is None or not await self._may(call, entry, noted, error):
            raise error
        why = Provenance(kind=fallback.kind, error=error.code, reason=error.message)
        server = entry.to.label
        # Of a tool that the ledger knows its row keeps from being called besides.
        again = call.comes_again and noted.ledger_key is None
        try:
            result = await self._given(
                replace(call, comes_again=again), entry, fallback, why, other
            )
        except MillwrightError as failed:
            self._metrics.fell_back(call.tenant_id, server, fallback.kind, failed.code)
            if isinstance(failed, CallError) and failed.may_have_run:
                raise
            error.add(f"Its fallback ('{fallback.kind}') could not stand in: {failed.message}")
            raise error from failed
        self._metrics.fell_back(call.tenant_id, server, fallback.kind, DEGRADED)
        noted.degraded(fallback.kind, error.code)
        return result

    async def _may(self, call: CallTool, entry: Entry, noted: Noted, error: CallError) -> bool:
        if call.stands_in or not _is_last(call, error) or not _is_ill_or_busy(noted, error):
            return False
        if entry.read_only:
            return True
        if noted.executed is not Executed.NO or call.maybe_ran or call.maybe_sent:
            return False
        if noted.ledger_key is None:
            return True
        try:
            # An open breaker refuses before the ledger is asked, also what was sent before.
            return not await self._ledger.knows(call.tenant_id, noted.ledger_key)
        except MillwrightError as away:
            log.warning("mcp_fallback_not_given", tool=entry.tool, why=away.message)
            return False

    async def _given(
        self, call: CallTool, entry: Entry, fallback: Fallback, why: Provenance, other: Other
    ) -> ToolResult:
        has_effects = False
        match fallback:
            case StaticFallback(value=value):
                result = as_result(value, entry.output)
            case LastGoodFallback():
                answer, at = await self._last(call, entry, fallback)
                result, why = results.read(answer), why.model_copy(update={"at": at})
            case ToolFallback(server=server):
                tool = fallback.tool or entry.tool
                result, has_effects = await other(_call_of(call, fallback, tool))
                why = why.model_copy(update={"server": server, "tool": tool})
        if wrong := misfit(result, entry.output):
            raise _misfit(entry, why, wrong, has_effects=has_effects)
        return replace(result, fallback=why)

    async def _last(
        self, call: CallTool, entry: Entry, wanted: LastGoodFallback
    ) -> tuple[JsonObject, datetime]:
        found = await self._last_good.find(call, entry, wanted)
        if found is None:
            which = "" if wanted.any_arguments else " with these arguments"
            raise FallbackError(
                f"there is no good result{which} of the last {wanted.max_age_s:g} s."
            )
        return found


def as_result(value: JsonValue, output: Schema | None) -> ToolResult:
    """Return a value as if a tool had answered with it."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    content: list[JsonValue] = [{"type": "text", "text": text}]
    if output is None and isinstance(value, str):
        return ToolResult(value, content)
    return ToolResult(value, content, value, is_structured=True)


def misfit(result: ToolResult, output: Schema | None) -> str | None:
    """Say what about a result is not as a tool promises, if anything."""
    if output is None:
        return None
    if not result.is_structured:
        return "it has no structured content"
    violations = output.violations(result.structured)
    return described(violations) if violations else None


def _is_last(call: CallTool, error: CallError) -> bool:
    """Tell whether no attempt follows this one."""
    match call.tried_again:
        case TriedAgain.NEVER:
            return True
        case TriedAgain.WHEN_SAFE:
            return not error.retryable
        case TriedAgain.ALWAYS:
            return False


def _is_ill_or_busy(noted: Noted, error: CallError) -> bool:
    if isinstance(error, (*_NOT_ASKED, ToolOutputError)):
        return True
    return noted.outcome is not None and noted.outcome.kind in _ILL_OR_BUSY


def _call_of(call: CallTool, fallback: ToolFallback, tool: str) -> CallTool:
    """Return the call of another tool: in the ledger it is the same call, so only one is made.

    Raises:
        FallbackError: There is no time for it.
    """
    timeout_s = call.timeout_s
    if call.until is not None:
        timeout_s = call.until - time.monotonic() - _SPARE_S
        if timeout_s <= 0:
            raise FallbackError(
                "there was no time left for it. Give the tool itself less ('timeout_s')."
            )
    return replace(
        call,
        server=fallback.server,
        tool=tool,
        sha256=fallback.sha256,
        timeout_s=timeout_s,
        stands_in=True,
        on_not_run=None,
    )


def _misfit(entry: Entry, why: Provenance, wrong: str, *, has_effects: bool) -> CallError:
    what = f"what it gave does not fit the output_schema of the tool '{entry.tool}': {wrong}."
    if not has_effects:
        return FallbackError(what)
    error = ToolOutputError(
        f"The tool '{why.tool}' of the MCP server '{why.server}' ran in place of '{entry.tool}' of "
        f"'{entry.to.label}', and {what} It did run: decide what follows from that."
    )
    error.may_have_run = True
    return error
