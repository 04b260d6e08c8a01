"""Schedules: make, look at, change, pause, run now, go through the past again, delete."""

import asyncio
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

from temporalio.client import (
    Client,
    ScheduleAlreadyRunningError,
    ScheduleBackfill,
    ScheduleDescription,
    ScheduleHandle,
)
from temporalio.client import (
    Schedule as TemporalSchedule,
)
from temporalio.service import RPCError, RPCStatusCode

from foundation.errors import (
    ChangedError,
    ConflictError,
    InvalidInputError,
    NotFoundError,
)
from foundation.settings import TemporalSettings
from security.principal import Principal
from workflows.interpreter.types import TENANT_ATTRIBUTE, StartInput
from workflows.runs.launch import Catalogue, checked_input, labels, summary, title
from workflows.runs.names import RunName, new_key
from workflows.runs.pages import PageTokens, page_limit
from workflows.runs.rpc import RPC_TIMEOUT, translated
from workflows.schedules.by_hand import note, note_now
from workflows.schedules.changing import change_schedule
from workflows.schedules.translation import (
    MEMO_CREATED_BY,
    Requesters,
    action_of,
    is_owned,
    listed,
    requesters_of,
    settings_of,
    shown,
    temporal_id,
    to_temporal,
)
from workflows.schedules.types import (
    OWNED_ID,
    SCHEDULE_ID,
    Backfill,
    NewSchedule,
    Overlap,
    Schedule,
    ScheduleChanges,
    SchedulePage,
    ScheduleSettings,
)

_ID: Final = re.compile(f"{OWNED_ID}|{SCHEDULE_ID}")


@dataclass(frozen=True, slots=True)
class Seen:
    """A schedule at one moment.

    Attributes:
        etag: Changes when somebody changes the schedule or begins a run by hand; not when it begins
            one by itself.
    """

    schedule: Schedule
    etag: str


class Schedules:
    """Everything about schedules. One per process.

    Args:
        client: Connected, with the pydantic data converter.
        catalogue: Where definitions are looked up; called in a thread.
        tokens: Seals the page tokens of listings.
    """

    def __init__(
        self,
        client: Client,
        catalogue: Catalogue,
        settings: TemporalSettings,
        tokens: PageTokens,
    ) -> None:
        self._client = client
        self._catalogue = catalogue
        self._settings = settings
        self._tokens = tokens

    async def create(self, principal: Principal, new: NewSchedule) -> Seen:
        """Make a schedule.

        Raises:
            ConflictError: When there is one with this id.
            InvalidInputError: When Temporal does not accept a cron expression or the input.
            NotFoundError: When there is no such definition.
            TooLargeError: When the input has more than 1 MiB.
            UnavailableError: When Temporal does not answer.
        """
        tenant_id = principal.tenant_id
        run = RunName(new.namespace, new.name, new.id or new_key())
        schedule = await self._prepared(tenant_id, run, new, Requesters([principal.subject]))
        try:
            with translated(lambda: no_such(run.key)), quoting(new.cron):
                await self._client.create_schedule(
                    temporal_id(tenant_id, run.key),
                    schedule,
                    search_attributes=labels(tenant_id, None),
                    memo={MEMO_CREATED_BY: principal.subject},
                    rpc_timeout=RPC_TIMEOUT,
                )
        except ScheduleAlreadyRunningError as error:
            raise ConflictError(
                f"There is a schedule '{run.key}' already. Change it with PATCH, or use another id."
            ) from error
        return await self.get(tenant_id, run.key)

    async def get(self, tenant_id: str, schedule_id: str) -> Seen:
        """Return one schedule.

        Raises:
            NotFoundError: When this tenant has no such schedule.
            UnavailableError: When Temporal does not answer.
        """
        with translated(lambda: no_such(schedule_id)):
            description = await self._handle(tenant_id, schedule_id).describe(
                rpc_timeout=RPC_TIMEOUT
            )
            run = _run_of(schedule_id, description)
            return Seen(await shown(self._client, run, description), _etag(description))

    async def list(
        self, tenant_id: str, *, page_size: int | None = None, page_token: str | None = None
    ) -> SchedulePage:
        """List schedules. One that was made a moment ago may be missing yet.

        Raises:
            InvalidInputError: When the token belongs to another listing.
            UnavailableError: When Temporal does not answer.
        """
        # A tenant is a slug: nothing in it needs escaping.
        query = f"{TENANT_ATTRIBUTE} = '{tenant_id}'"
        scope = f"schedules {query}"
        with translated(lambda: no_such("")):
            found = await self._client.list_schedules(
                query,
                page_size=page_limit(page_size),
                next_page_token=self._tokens.open(scope, page_token) or None,
                rpc_timeout=RPC_TIMEOUT,
            )
            await found.fetch_next_page()
        lines = [listed(tenant_id, entry) for entry in found.current_page or ()]
        return SchedulePage(
            items=[line for line in lines if line is not None],
            next_page_token=self._tokens.seal(scope, found.next_page_token or b""),
        )

    async def update(
        self,
        principal: Principal,
        schedule_id: str,
        changes: ScheduleChanges,
        *,
        etag: str | None = None,
    ) -> Seen:
        """Change a schedule; runs that have begun are not touched.

        Args:
            etag: Of the schedule that the caller has seen; None changes whatever is there.

        Raises:
            ConflictError: When somebody changed it since, or it belongs to its definition.
            InvalidInputError: When the changes make no schedule.
            NotFoundError: When this tenant has no such schedule, or no such version.
            UnavailableError: When Temporal does not answer.
        """
        _refuse_owned(schedule_id)
        tenant_id = principal.tenant_id

        async def revise(now: ScheduleDescription) -> TemporalSchedule:
            _check_unchanged(schedule_id, now, etag)
            settings = changes.applied_to(await settings_of(self._client, now))
            run = _run_of(schedule_id, now)
            makers = {await now.memo_value(MEMO_CREATED_BY, None), principal.subject}
            known = await requesters_of(self._client, now)
            requesters = replace(known, makers=sorted(each for each in makers if each))
            return await self._prepared(tenant_id, run, settings, requesters)

        with translated(lambda: no_such(schedule_id)), quoting(changes.cron or []):
            await change_schedule(self._client, self._handle(tenant_id, schedule_id).id, revise)
        return await self.get(tenant_id, schedule_id)

    async def delete(self, tenant_id: str, schedule_id: str) -> None:
        """Delete a schedule; its runs stay.

        Raises:
            ConflictError: When it belongs to its definition.
            NotFoundError: When this tenant has no such schedule.
            UnavailableError: When Temporal does not answer.
        """
        _refuse_owned(schedule_id)
        with translated(lambda: no_such(schedule_id)):
            await self._handle(tenant_id, schedule_id).delete(rpc_timeout=RPC_TIMEOUT)

    async def pause(self, tenant_id: str, schedule_id: str, note: str = "") -> Seen:
        """Begin no more runs until it is resumed.

        Raises:
            NotFoundError: When this tenant has no such schedule.
            UnavailableError: When Temporal does not answer.
        """
        with translated(lambda: no_such(schedule_id)):
            handle = self._handle(tenant_id, schedule_id)
            await handle.pause(note=note or "Paused over the API.", rpc_timeout=RPC_TIMEOUT)
        return await self.get(tenant_id, schedule_id)

    async def resume(self, tenant_id: str, schedule_id: str, note: str = "") -> Seen:
        """Begin runs again.

        Raises:
            NotFoundError: When this tenant has no such schedule.
            UnavailableError: When Temporal does not answer.
        """
        with translated(lambda: no_such(schedule_id)):
            handle = self._handle(tenant_id, schedule_id)
            await handle.unpause(note=note or "Resumed over the API.", rpc_timeout=RPC_TIMEOUT)
        return await self.get(tenant_id, schedule_id)

    async def trigger(
        self, principal: Principal, schedule_id: str, overlap: Overlap | None = None
    ) -> None:
        """Begin a run now; whoever does cannot approve what the runs of this time ask for.

        Args:
            overlap: Instead of the schedule's own policy, which may leave the run out.

        Raises:
            NotFoundError: When this tenant has no such schedule.
            UnavailableError: When Temporal does not answer, or has another time than we have.
        """
        with translated(lambda: no_such(schedule_id)):
            handle = self._handle(principal.tenant_id, schedule_id)
            await note_now(self._client, handle.id, principal.subject)
            await handle.trigger(
                overlap=overlap.policy if overlap else None, rpc_timeout=RPC_TIMEOUT
            )

    async def backfill(self, principal: Principal, schedule_id: str, past: Backfill) -> None:
        """Begin the runs that were due in a time, both ends included; as with `trigger`.

        Raises:
            NotFoundError: When this tenant has no such schedule.
            UnavailableError: When Temporal does not answer.
        """
        period = ScheduleBackfill(past.start_at, past.end_at, past.overlap.policy)
        with translated(lambda: no_such(schedule_id)):
            handle = self._handle(principal.tenant_id, schedule_id)
            await note(self._client, handle.id, principal.subject, past.start_at, past.end_at)
            await handle.backfill(period, rpc_timeout=RPC_TIMEOUT)

    def _handle(self, tenant_id: str, schedule_id: str) -> ScheduleHandle:
        if not _ID.fullmatch(schedule_id):
            raise no_such(schedule_id)
        return self._client.get_schedule_handle(temporal_id(tenant_id, schedule_id))

    async def _prepared(
        self, tenant_id: str, run: RunName, settings: ScheduleSettings, requesters: Requesters
    ) -> TemporalSchedule:
        """Look the definition up and spell the schedule."""
        checked_input(settings.input)
        found = await asyncio.to_thread(
            self._catalogue.get, tenant_id, run.namespace, run.name, settings.version
        )
        if settings.version is None:
            # Each run looks up what is the newest version then.
            start = StartInput(tenant_id=tenant_id, input=settings.input)
            line = f"{title(found)} (schedule {run.key})"
        else:
            # Not the definition itself: each run pins what its worker has, also years later.
            start = StartInput(tenant_id=tenant_id, version=found.version, input=settings.input)
            line = f"{title(found)} {found.version} (schedule {run.key})"
        queue = self._settings.task_queue
        return to_temporal(settings, run, start, summary(line), queue, requesters=requesters)


def no_such(schedule_id: str) -> NotFoundError:
    """Make the one answer for ids that are malformed, unknown, or another tenant's."""
    return NotFoundError(
        f"There is no schedule '{schedule_id[:200]}'. GET /api/v1/schedules lists yours."
    )


def _refuse_owned(schedule_id: str) -> None:
    if is_owned(schedule_id):
        raise ConflictError(
            f"The schedule '{schedule_id[:200]}' is part of its definition. Publish the next "
            "version with another 'schedule' to change it, or without one to end it; :pause and "
            ":resume work here."
        )


@contextmanager
def quoting(crons: Sequence[str]) -> Iterator[None]:
    """Name the cron expressions that Temporal refuses; it does not.

    Raises:
        InvalidInputError: With the expressions and Temporal's reason.
    """
    try:
        yield
    except RPCError as error:
        if error.status != RPCStatusCode.INVALID_ARGUMENT or not crons:
            raise
        quoted = ", ".join(f"'{cron}'" for cron in crons)
        reason = error.message.removeprefix("Invalid schedule spec: ")
        raise InvalidInputError(
            f"The schedule cannot be kept with the cron {quoted}: {reason}. "
            "Five fields: minute, hour, day of month, month, day of week."
        ) from error


def _run_of(schedule_id: str, description: ScheduleDescription) -> RunName:
    namespace, _, name = action_of(description).workflow.partition(".")
    return RunName(namespace, name, schedule_id)


def _etag(description: ScheduleDescription) -> str:
    return f'"{description.raw_description.conflict_token.hex()}"'


def _check_unchanged(schedule_id: str, description: ScheduleDescription, etag: str | None) -> None:
    if etag not in (None, "*", _etag(description)):
        raise ChangedError(
            f"The schedule '{schedule_id}' was changed since you read it. Read it again, then "
            "send the change with the new ETag in If-Match."
        )
