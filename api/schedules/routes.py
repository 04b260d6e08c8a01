"""HTTP in, schedules out. What a schedule is, and who may see which, is decided below."""

from typing import Annotated

from fastapi import APIRouter, Header, Response

from api.dependencies import ServicesDep, require
from api.instances.schemas import PageSize, PageToken
from api.schedules.schemas import NoteRequest, ScheduleId, TriggerRequest
from security.principal import Principal
from workflows.schedules.service import Seen
from workflows.schedules.types import (
    Backfill,
    NewSchedule,
    Schedule,
    ScheduleChanges,
    SchedulePage,
)

router = APIRouter(prefix="/api/v1/schedules", tags=["schedules"])

Reader = Annotated[Principal, require("schedule:read")]
Manager = Annotated[Principal, require("schedule:manage")]


def _with_etag(seen: Seen, response: Response) -> Schedule:
    response.headers["ETag"] = seen.etag
    response.headers["Cache-Control"] = "private, no-cache"
    return seen.schedule


@router.post("", status_code=201)
async def create_schedule(
    body: NewSchedule, principal: Manager, parts: ServicesDep, response: Response
) -> Schedule:
    """Make a schedule: which definition, when, in which time zone."""
    seen = await parts.schedules.create(principal, body)
    response.headers["Location"] = f"{router.prefix}/{seen.schedule.id}"
    return _with_etag(seen, response)


@router.get("")
async def list_schedules(
    principal: Reader, parts: ServicesDep, page_size: PageSize = 50, page_token: PageToken = None
) -> SchedulePage:
    """List schedules. One that was made a moment ago may be missing yet."""
    return await parts.schedules.list(
        principal.tenant_id, page_size=page_size, page_token=page_token
    )


@router.get("/{schedule_id}")
async def get_schedule(
    schedule_id: ScheduleId, principal: Reader, parts: ServicesDep, response: Response
) -> Schedule:
    """Look at one schedule: when it is due, what it began, what it left out."""
    return _with_etag(await parts.schedules.get(principal.tenant_id, schedule_id), response)


@router.patch("/{schedule_id}")
async def update_schedule(
    *,
    schedule_id: ScheduleId,
    body: ScheduleChanges,
    principal: Manager,
    parts: ServicesDep,
    response: Response,
    if_match: Annotated[
        str | None,
        Header(description="ETag of the schedule you have seen; refused when it changed since."),
    ] = None,
) -> Schedule:
    """Change a schedule. What is left out stays; runs that have begun are not touched."""
    seen = await parts.schedules.update(principal, schedule_id, body, etag=if_match)
    return _with_etag(seen, response)


@router.delete("/{schedule_id}", status_code=204)
async def delete_schedule(schedule_id: ScheduleId, principal: Manager, parts: ServicesDep) -> None:
    """Delete a schedule. Its runs stay."""
    await parts.schedules.delete(principal.tenant_id, schedule_id)


@router.post("/{schedule_id}:pause")
async def pause_schedule(
    schedule_id: ScheduleId,
    principal: Manager,
    parts: ServicesDep,
    response: Response,
    body: NoteRequest | None = None,
) -> Schedule:
    """Begin no more runs until it is resumed."""
    note = body.note if body else ""
    return _with_etag(await parts.schedules.pause(principal.tenant_id, schedule_id, note), response)


@router.post("/{schedule_id}:resume")
async def resume_schedule(
    schedule_id: ScheduleId,
    principal: Manager,
    parts: ServicesDep,
    response: Response,
    body: NoteRequest | None = None,
) -> Schedule:
    """Begin runs again."""
    note = body.note if body else ""
    return _with_etag(
        await parts.schedules.resume(principal.tenant_id, schedule_id, note), response
    )


@router.post("/{schedule_id}:trigger", status_code=202)
async def trigger_schedule(
    schedule_id: ScheduleId,
    principal: Manager,
    parts: ServicesDep,
    body: TriggerRequest | None = None,
) -> Schedule:
    """Begin a run now. The schedule's `recent_runs` show it in a moment."""
    overlap = body.overlap if body else None
    await parts.schedules.trigger(principal, schedule_id, overlap)
    return (await parts.schedules.get(principal.tenant_id, schedule_id)).schedule


@router.post("/{schedule_id}:backfill", status_code=202)
async def backfill_schedule(
    schedule_id: ScheduleId, body: Backfill, principal: Manager, parts: ServicesDep
) -> Schedule:
    """Begin the runs that were due in a time, both ends included, one after the other."""
    await parts.schedules.backfill(principal, schedule_id, body)
    return (await parts.schedules.get(principal.tenant_id, schedule_id)).schedule
