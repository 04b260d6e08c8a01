"""Stands before every activity: a call that has limits waits outside until it is its turn.

Waiting takes no slot of a worker. A call that is not let in ends at once and says so, and its
workflow asks again when it is called, or after a while. Only a repeated attempt that has lost its
place (its worker died) waits here: only this activity knows what the first attempt may have done.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import structlog
from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor
from typing_extensions import override

from activities.faults import translated
from activities.heartbeat import beating
from activities.limits.admission import admit
from activities.limits.gate import RENEW_S, Gate
from activities.limits.types import TURN_SIGNAL, Limits, Refused
from activities.patience import patiently
from activities.requests import Request
from activities.types import ActivityResult

log = structlog.get_logger()

_INSIDE_AGAIN_S: Final = 1.0


class LimitsInterceptor(Interceptor):
    """Puts the guard before all activities of a worker."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    @override
    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _Guard(next, self._gate)


class _Guard(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, gate: Gate) -> None:  # noqa: A002 - as above
        super().__init__(next)
        self._gate = gate

    @override
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        request = input.args[0] if input.args else None
        if not isinstance(request, Request) or request.limits is None:
            return await super().execute_activity(input)
        limits = request.limits
        refused = await self._entered(request.tenant_id, limits)
        if refused is not None:
            return ActivityResult(value=None, attempts=0, refused=refused)
        back_in_s: float | None = None
        try:
            async with self._renewing(request.tenant_id, limits):
                admit()
                return await super().execute_activity(input)
        except ApplicationError as error:
            back_in_s = _next_attempt_in(error)
            raise
        finally:
            await asyncio.shield(self._left(request.tenant_id, limits, back_in_s))

    async def _entered(self, tenant_id: str, limits: Limits) -> Refused | None:
        again = activity.info().attempt > 1

        async def ask() -> tuple[Refused | None, Sequence[Limits]]:
            return await asyncio.to_thread(self._gate.enter, tenant_id, limits, again=again)

        with translated():
            # What an earlier attempt may have done stays in the reports.
            async with beating():
                while True:
                    refused, turns = await patiently(ask)
                    await self._call(tenant_id, turns)
                    if refused is None or not again:
                        return refused
                    await asyncio.sleep(min(refused.after_s, _INSIDE_AGAIN_S))

    @asynccontextmanager
    async def _renewing(self, tenant_id: str, limits: Limits) -> AsyncIterator[None]:
        if limits.concurrency is None:
            yield
            return
        renewing = asyncio.create_task(self._renew(tenant_id, limits))
        try:
            yield
        finally:
            renewing.cancel()
            with suppress(asyncio.CancelledError):
                await renewing

    async def _renew(self, tenant_id: str, limits: Limits) -> None:
        while True:
            await asyncio.sleep(RENEW_S)
            try:
                await asyncio.to_thread(self._gate.renew, tenant_id, limits)
            except Exception:
                log.exception("limit_not_renewed", execution=limits.execution)

    async def _left(self, tenant_id: str, limits: Limits, back_in_s: float | None) -> None:
        """Make room. When that fails the place is free when it has not been renewed for a while."""
        if limits.concurrency is None:
            return
        try:
            turns = await asyncio.to_thread(
                self._gate.leave, tenant_id, limits, back_in_s=back_in_s
            )
            await self._call(tenant_id, turns)
        except Exception:
            log.exception("limit_not_left", execution=limits.execution)

    async def _call(self, tenant_id: str, turns: Sequence[Limits]) -> None:
        """Tell those whose turn it is; who is not there any more makes room for the next."""
        waiting = list(turns)
        while waiting:
            turn = waiting.pop(0)
            handle = activity.client().get_workflow_handle(turn.workflow_id)
            try:
                await handle.signal(TURN_SIGNAL, turn.execution)
            except RPCError as error:
                if error.status != RPCStatusCode.NOT_FOUND:
                    log.warning("turn_not_told", why=error.message, execution=turn.execution)
                    continue
                waiting += await asyncio.to_thread(
                    self._gate.leave, tenant_id, turn, back_in_s=None
                )


def _next_attempt_in(error: ApplicationError) -> float | None:
    """Return when Temporal tries again what has failed; None when it does not."""
    info = activity.info()
    policy = info.retry_policy
    if error.non_retryable or policy is None:
        return None
    if policy.maximum_attempts and info.attempt >= policy.maximum_attempts:
        return None
    if error.next_retry_delay is not None:
        return error.next_retry_delay.total_seconds()
    first = policy.initial_interval.total_seconds()
    longest = policy.maximum_interval.total_seconds() if policy.maximum_interval else 100 * first
    return min(first * policy.backoff_coefficient ** (info.attempt - 1), longest)
