"""Our settings as Temporal's schedule, and back. Nothing is lost on the way and back."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from temporalio.api.common.v1 import Payload
from temporalio.client import (
    Client,
    ScheduleActionExecutionStartWorkflow,
    ScheduleActionResult,
    ScheduleActionStartWorkflow,
    ScheduleDescription,
    ScheduleIntervalSpec,
    ScheduleListDescription,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleState,
)
from temporalio.client import (
    Schedule as TemporalSchedule,
)

from foundation.json import JsonValue
from foundation.payloads import converter_of
from workflows.definition.cron import understood
from workflows.interpreter.requesters import ASKED_FOR, STARTED_BY, Asked, asked_for
from workflows.interpreter.types import GONE_ON_BY, StartInput
from workflows.runs.launch import labels
from workflows.runs.names import RunName, of_workflow_id
from workflows.schedules.types import (
    CATCHUP_WINDOW,
    Interval,
    Overlap,
    Schedule,
    ScheduledRun,
    ScheduleSettings,
    ScheduleSummary,
)

MEMO_CREATED_BY: Final = "created_by"


# No id that a caller chooses has a colon.
_OWNED: Final = "definition:"


def owned_id(namespace: str, name: str) -> str:
    """Return the id of the schedule that a definition has itself."""
    return f"{_OWNED}{namespace}.{name}"


def is_owned(schedule_id: str) -> bool:
    """Tell whether a schedule is the one that its definition has itself."""
    return schedule_id.startswith(_OWNED)


def temporal_id(tenant_id: str, schedule_id: str) -> str:
    """Return the id of a schedule in Temporal."""
    return f"{tenant_id}/{schedule_id}"


@dataclass(frozen=True, slots=True)
class Requesters:
    """Who wants the runs of a schedule: none of them can approve what a run asks for.

    Attributes:
        makers: Who has made it, and who has changed it last.
        asked: Who has begun runs by hand, and of what time: a run knows its own.
    """

    makers: Sequence[str]
    asked: Sequence[Asked] = ()

    def memo(self) -> dict[str, JsonValue]:
        """Return what every run is given."""
        return {
            GONE_ON_BY: [*sorted(self.makers)],
            ASKED_FOR: [each.model_dump() for each in self.asked],
        }


def to_temporal(
    settings: ScheduleSettings,
    run: RunName,
    start: StartInput,
    title: str,
    task_queue: str,
    *,
    requesters: Requesters,
) -> TemporalSchedule:
    """Spell a schedule for Temporal.

    Args:
        run: Its key is the id of the schedule; Temporal appends the time.
        start: Argument of every run.
        title: Line that the Web UI shows for every run.
        requesters: Who wants every run.
    """
    return TemporalSchedule(
        action=ScheduleActionStartWorkflow(
            run.workflow_type,
            start,
            id=run.workflow_id(start.tenant_id),
            task_queue=task_queue,
            typed_search_attributes=labels(start.tenant_id, settings.version),
            static_summary=title,
            memo={STARTED_BY: f"schedule/{run.key}", **requesters.memo()},
        ),
        spec=_spec(settings),
        policy=SchedulePolicy(
            overlap=settings.overlap.policy,
            catchup_window=settings.catchup_window,
            pause_on_failure=settings.pause_on_failure,
        ),
        state=ScheduleState(note=settings.note or None, paused=settings.paused),
    )


def _spec(settings: ScheduleSettings) -> ScheduleSpec:
    return ScheduleSpec(
        # Temporal turns cron into calendars and keeps what follows '#' beside them, so that we
        # can show the expression that was written.
        cron_expressions=[f"{understood(cron)} # {cron}" for cron in settings.cron],
        intervals=[
            ScheduleIntervalSpec(every=interval.every, offset=interval.offset or None)
            for interval in settings.intervals
        ],
        start_at=settings.start_at,
        end_at=settings.end_at,
        jitter=settings.jitter or None,
        time_zone_name=settings.time_zone,
    )


async def settings_of(client: Client, description: ScheduleDescription) -> ScheduleSettings:
    """Read back the settings of a schedule."""
    schedule = description.schedule
    start = await start_of(client, description)
    return ScheduleSettings(
        version=start.version,
        input=start.input,
        cron=_crons(schedule.spec),
        intervals=_intervals(schedule.spec),
        time_zone=schedule.spec.time_zone_name or "UTC",
        start_at=schedule.spec.start_at,
        end_at=schedule.spec.end_at,
        jitter=schedule.spec.jitter or timedelta(0),
        overlap=Overlap[schedule.policy.overlap.name],
        catchup_window=schedule.policy.catchup_window or CATCHUP_WINDOW,
        pause_on_failure=schedule.policy.pause_on_failure,
        paused=schedule.state.paused,
        note=schedule.state.note or "",
    )


async def start_of(client: Client, description: ScheduleDescription) -> StartInput:
    """Read the argument that every run of a schedule is given."""
    action = action_of(description)
    converter = converter_of(client, action.id)
    decoded: list[StartInput] = await converter.decode(action.args, [StartInput])
    return decoded[0]


async def memo_of(client: Client, description: ScheduleDescription) -> dict[str, JsonValue]:
    """Read the memo that every run of a schedule gets."""
    action = action_of(description)
    known = {name: each for name, each in (action.memo or {}).items() if isinstance(each, Payload)}
    decoded = await converter_of(client, action.id).decode(list(known.values()))
    return dict(zip(known, decoded, strict=True))


async def requesters_of(client: Client, description: ScheduleDescription) -> Requesters:
    """Read who wants the runs of a schedule."""
    memo = await memo_of(client, description)
    makers = memo.get(GONE_ON_BY)
    named = [str(each) for each in makers] if isinstance(makers, list) else []
    return Requesters(named, asked_for(memo))


def action_of(description: ScheduleDescription) -> ScheduleActionStartWorkflow:
    """Return what a schedule that is there does; see `starts`."""
    return starts(description.schedule)


def starts(schedule: TemporalSchedule) -> ScheduleActionStartWorkflow:
    """Return what a schedule does.

    Raises:
        TypeError: When it does not start a workflow; Temporal has no other actions.
    """
    action = schedule.action
    if not isinstance(action, ScheduleActionStartWorkflow):
        raise TypeError("A schedule that does not start a workflow is none of ours.")
    return action


async def shown(client: Client, run: RunName, description: ScheduleDescription) -> Schedule:
    """Return what a caller sees of a schedule."""
    info = description.info
    running = [
        action.workflow_id
        for action in info.running_actions
        if isinstance(action, ScheduleActionExecutionStartWorkflow)
    ]
    return Schedule(
        **dict(await settings_of(client, description)),
        id=run.key,
        namespace=run.namespace,
        name=run.name,
        of_definition=is_owned(run.key),
        created_by=await description.memo_value(MEMO_CREATED_BY, None),
        created_at=info.created_at,
        updated_at=info.last_updated_at,
        next_runs=list(info.next_action_times),
        recent_runs=_runs(info.recent_actions),
        running=[known[1].instance_id for each in running if (known := of_workflow_id(each))],
        runs=info.num_actions,
        missed=info.num_actions_missed_catchup_window,
        skipped=info.num_actions_skipped_overlap,
    )


def listed(tenant_id: str, entry: ScheduleListDescription) -> ScheduleSummary | None:
    """Return the line of a listing; None for what is not this tenant's, or none of ours."""
    owner, _, schedule_id = entry.id.partition("/")
    schedule, info = entry.schedule, entry.info
    if owner != tenant_id or schedule is None or info is None:
        return None
    namespace, _, name = getattr(schedule.action, "workflow", "").partition(".")
    return ScheduleSummary(
        id=schedule_id,
        namespace=namespace,
        name=name,
        of_definition=is_owned(schedule_id),
        cron=_crons(schedule.spec),
        intervals=_intervals(schedule.spec),
        time_zone=schedule.spec.time_zone_name or "UTC",
        paused=schedule.state.paused,
        note=schedule.state.note or "",
        next_runs=list(info.next_action_times),
        recent_runs=_runs(info.recent_actions),
    )


def _crons(spec: ScheduleSpec) -> list[str]:
    return [calendar.comment for calendar in spec.calendars if calendar.comment]


def _intervals(spec: ScheduleSpec) -> list[Interval]:
    return [
        Interval(every=interval.every, offset=interval.offset or timedelta(0))
        for interval in spec.intervals
    ]


def _runs(results: Iterable[ScheduleActionResult]) -> list[ScheduledRun]:
    return [
        ScheduledRun(
            instance_id=known[1].instance_id,
            scheduled_at=result.scheduled_at,
            started_at=result.started_at,
        )
        for result in results
        if isinstance(result.action, ScheduleActionExecutionStartWorkflow)
        and (known := of_workflow_id(result.action.workflow_id))
    ]
