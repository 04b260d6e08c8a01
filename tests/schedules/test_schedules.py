"""Schedules: kept by Temporal as they were written, due when they say, changed by one at a time."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from foundation.errors import ConflictError, InvalidInputError, NotFoundError
from tests.instances.conftest import Floor
from tests.instances.eventually import eventually
from workflows.instances.types import Filters, Status
from workflows.schedules.service import Schedules
from workflows.schedules.types import (
    Backfill,
    NewSchedule,
    Overlap,
    ScheduleChanges,
    ScheduleSettings,
)

pytestmark = pytest.mark.anyio

FULL: dict[str, Any] = {
    "version": "1.0.0",
    "input": {"script": [{"set": 1}]},
    "cron": ["0 6 * * MON-FRI", "@daily"],
    "intervals": [{"every": "PT10M", "offset": "PT30S"}],
    "time_zone": "Asia/Seoul",
    "start_at": "2030-01-01T00:00:00+09:00",
    "end_at": "2031-01-01T00:00:00Z",
    "jitter": "PT5S",
    "overlap": "buffer_one",
    "catchup_window": "PT2H",
    "pause_on_failure": True,
    "paused": True,
    "note": "while the press is serviced",
}


def new(**settings: Any) -> NewSchedule:
    given = {"namespace": "press-line", "name": "defect-watch", **settings}
    return NewSchedule.model_validate(given)


async def test_a_schedule_is_read_back_as_it_was_written(
    floor: Floor, schedules: Schedules
) -> None:
    made = (await schedules.create(floor.principal, new(id="nightly", **FULL))).schedule

    assert dict(ScheduleSettings.model_validate(FULL)).items() <= dict(made).items()
    assert (made.id, made.namespace, made.name) == ("nightly", "press-line", "defect-watch")
    assert (made.created_by, made.runs) == ("ana", 0)
    # The first interval after the start in Seoul; Temporal adds the jitter.
    first = datetime(2029, 12, 31, 15, 0, 30, tzinfo=UTC)
    assert timedelta(0) <= made.next_runs[1] - first <= timedelta(seconds=5)


async def test_cron_is_read_in_the_time_zone(floor: Floor, schedules: Schedules) -> None:
    made = await schedules.create(floor.principal, new(cron=["0 6 * * *"], time_zone="Asia/Seoul"))
    assert {due.astimezone(UTC).hour for due in made.schedule.next_runs} == {21}
    assert made.schedule.catchup_window == timedelta(hours=1)


async def test_a_due_run_can_be_looked_at_like_any_other(
    working: Floor, schedules: Schedules
) -> None:
    made = await schedules.create(
        working.principal,
        new(id="s.1", intervals=[{"every": "PT1S"}], input={"script": [{"set": 7}]}),
    )
    seen = await eventually(
        lambda: schedules.get(working.tenant, "s.1"), lambda it: bool(it.schedule.recent_runs)
    )
    run = seen.schedule.recent_runs[0]
    look = await working.instances.look(working.tenant, run.instance_id, wait_s=10)

    assert run.instance_id.startswith("press-line.defect-watch.s.1-20")
    assert (look.instance.output, look.instance.started_by) == (7, "schedule/s.1")
    assert seen.etag == made.etag
    listed = await eventually(
        lambda: working.instances.list(working.tenant, Filters(status=Status.COMPLETED)),
        lambda page: bool(page.items),
    )
    assert listed.items[-1].id == run.instance_id


async def test_a_schedule_without_a_version_leaves_it_to_each_run(
    floor: Floor, schedules: Schedules
) -> None:
    await schedules.create(floor.principal, new(id="open", cron=["@daily"]))
    await schedules.create(floor.principal, new(id="pinned", cron=["@daily"], version="1.0.0"))
    described = [
        await floor.temporal.get_schedule_handle(f"{floor.tenant}/{each}").describe()
        for each in ("open", "pinned")
    ]
    arguments = [
        (await floor.temporal.data_converter.decode(d.schedule.action.args))[0]  # type: ignore[attr-defined]
        for d in described
    ]
    assert [(a["version"], a["definition_hash"], bool(a["document"])) for a in arguments] == [
        (None, None, False),
        # What runs it is said when it runs, which may be years later.
        ("1.0.0", None, False),
    ]


async def test_a_run_begins_now_when_it_is_asked_for(working: Floor, schedules: Schedules) -> None:
    await schedules.create(
        working.principal, new(id="s", cron=["@yearly"], input={"script": [{"set": 1}]})
    )
    await schedules.trigger(working.principal, "s")
    seen = await eventually(
        lambda: schedules.get(working.tenant, "s"), lambda it: it.schedule.runs == 1
    )
    look = await working.instances.look(
        working.tenant, seen.schedule.recent_runs[0].instance_id, wait_s=10
    )
    assert look.instance.status is Status.COMPLETED


async def test_a_backfill_begins_what_was_due_both_ends_included(
    working: Floor, schedules: Schedules
) -> None:
    await schedules.create(
        working.principal, new(id="s", cron=["0 * * * *"], input={"script": [{"set": 1}]})
    )
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    await schedules.backfill(
        working.principal, "s", Backfill(start_at=noon, end_at=noon + timedelta(hours=2))
    )
    seen = await eventually(
        lambda: schedules.get(working.tenant, "s"), lambda it: it.schedule.runs == 3
    )
    assert [run.instance_id.rpartition(".")[2] for run in seen.schedule.recent_runs] == [
        f"s-2026-03-01T{hour}:00:00Z" for hour in (12, 13, 14)
    ]


async def test_overlapping_runs_are_left_out_and_counted(
    working: Floor, schedules: Schedules
) -> None:
    await schedules.create(
        working.principal, new(id="s", cron=["@yearly"], input={"script": [{"hold": 1}]})
    )
    await schedules.trigger(working.principal, "s")
    await eventually(
        lambda: schedules.get(working.tenant, "s"), lambda it: len(it.schedule.running) == 1
    )
    await schedules.trigger(working.principal, "s")
    seen = await eventually(
        lambda: schedules.get(working.tenant, "s"), lambda it: it.schedule.skipped == 1
    )
    assert seen.schedule.runs == 1


async def test_a_change_touches_only_what_it_names(floor: Floor, schedules: Schedules) -> None:
    await schedules.create(floor.principal, new(id="s", **FULL))
    changes = ScheduleChanges.model_validate(
        {"overlap": "allow_all", "intervals": None, "version": None, "note": None}
    )
    seen = (await schedules.update(floor.principal, "s", changes)).schedule

    expected = {**FULL, "overlap": "allow_all", "intervals": [], "version": None, "note": ""}
    assert dict(ScheduleSettings.model_validate(expected)).items() <= dict(seen).items()


async def test_a_change_of_what_has_changed_since_is_refused(
    floor: Floor, schedules: Schedules
) -> None:
    made = await schedules.create(floor.principal, new(id="s", cron=["@daily"]))
    other = await schedules.update(
        floor.principal, "s", ScheduleChanges(note="mine"), etag=made.etag
    )

    with pytest.raises(ConflictError, match="'s' was changed since you read it"):
        await schedules.update(floor.principal, "s", ScheduleChanges(note="late"), etag=made.etag)
    assert (await schedules.get(floor.tenant, "s")).schedule.note == "mine"
    assert other.etag != made.etag


async def test_a_paused_schedule_begins_nothing_until_it_is_resumed(
    floor: Floor, schedules: Schedules
) -> None:
    await schedules.create(floor.principal, new(id="s", intervals=[{"every": "PT1S"}], paused=True))
    assert (await schedules.get(floor.tenant, "s")).schedule.paused
    resumed = await schedules.resume(floor.tenant, "s", "serviced")
    paused = await schedules.pause(floor.tenant, "s")

    assert (resumed.schedule.paused, resumed.schedule.note) == (False, "serviced")
    assert (paused.schedule.paused, paused.schedule.note) == (True, "Paused over the API.")


async def test_a_deleted_schedule_is_gone(floor: Floor, schedules: Schedules) -> None:
    await schedules.create(floor.principal, new(id="s", cron=["@daily"]))
    await schedules.delete(floor.tenant, "s")
    with pytest.raises(NotFoundError):
        await schedules.get(floor.tenant, "s")


async def test_a_listing_shows_the_tenants_own_page_by_page(
    floor: Floor, schedules: Schedules
) -> None:
    made = {f"s{n}" for n in range(3)}
    for each in made:
        await schedules.create(floor.principal, new(id=each, cron=["5 4 * * *"]))
    page = await eventually(lambda: schedules.list(floor.tenant), lambda page: len(page.items) == 3)
    assert {item.id for item in page.items} == made
    assert {(item.namespace, item.name, *item.cron) for item in page.items} == {
        ("press-line", "defect-watch", "5 4 * * *")
    }
    assert (await schedules.list("another")).items == []

    first = await schedules.list(floor.tenant, page_size=2)
    rest = await schedules.list(floor.tenant, page_size=2, page_token=first.next_page_token)
    assert {item.id for item in (*first.items, *rest.items)} == made
    with pytest.raises(InvalidInputError, match="page_token does not belong"):
        await schedules.list("another", page_token=first.next_page_token)


async def test_an_id_is_taken_once_per_tenant(floor: Floor, schedules: Schedules) -> None:
    await schedules.create(floor.principal, new(id="s", cron=["@daily"]))
    with pytest.raises(ConflictError, match="There is a schedule 's' already"):
        await schedules.create(floor.principal, new(id="s", cron=["@daily"]))


async def test_a_foreign_an_unknown_and_a_malformed_id_look_the_same(
    floor: Floor, schedules: Schedules
) -> None:
    await schedules.create(floor.principal, new(id="s", cron=["@daily"]))
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    for tenant, schedule_id in (
        ("another", "s"),
        (floor.tenant, "nope"),
        (floor.tenant, "../s"),
        ("another", f"../{floor.tenant}/s"),
    ):
        other = replace(floor.principal, tenant_id=tenant)
        for ask in (
            schedules.get(tenant, schedule_id),
            schedules.update(other, schedule_id, ScheduleChanges(note="x")),
            schedules.delete(tenant, schedule_id),
            schedules.pause(tenant, schedule_id),
            schedules.resume(tenant, schedule_id),
            schedules.trigger(other, schedule_id, Overlap.SKIP),
            schedules.backfill(other, schedule_id, Backfill(start_at=noon, end_at=noon)),
        ):
            with pytest.raises(NotFoundError, match="There is no schedule"):
                await ask


async def test_sunday_may_be_a_seven_and_any_day_a_question_mark(
    floor: Floor, schedules: Schedules
) -> None:
    cron = "0 6 ? * 6-7"
    made = (await schedules.create(floor.principal, new(cron=[cron]))).schedule
    assert made.cron == [cron]
    assert {each.isoweekday() for each in made.next_runs} == {6, 7}


@pytest.mark.parametrize("cron", ["61 * * * *", "nonsense", "0 0 L * *"])
async def test_a_bad_cron_expression_is_quoted(
    floor: Floor, schedules: Schedules, cron: str
) -> None:
    with pytest.raises(InvalidInputError) as refused:
        await schedules.create(floor.principal, new(cron=["@daily", cron]))
    assert f"'{cron}'" in refused.value.message

    await schedules.create(floor.principal, new(id="s", cron=["@daily"]))
    with pytest.raises(InvalidInputError, match="cannot be kept with the cron"):
        await schedules.update(floor.principal, "s", ScheduleChanges(cron=[cron]))


async def test_a_change_that_leaves_no_time_is_refused(floor: Floor, schedules: Schedules) -> None:
    await schedules.create(floor.principal, new(id="s", cron=["@daily"]))
    with pytest.raises(InvalidInputError, match="give cron, intervals, or both"):
        await schedules.update(floor.principal, "s", ScheduleChanges(cron=[]))


async def test_an_unknown_definition_cannot_be_scheduled(
    floor: Floor, schedules: Schedules
) -> None:
    with pytest.raises(NotFoundError, match="no definition"):
        await schedules.create(floor.principal, new(name="other", cron=["@daily"]))
    with pytest.raises(NotFoundError, match="no definition"):
        await schedules.create(floor.principal, new(version="9.9.9", cron=["@daily"]))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "give cron, intervals, or both"),
        ({"cron": ["TZ=Asia/Seoul 0 6 * * *"]}, "use the field time_zone"),
        ({"cron": ["@every 5m"]}, "use the field intervals"),
        ({"cron": ["0 6 * * 1#2"]}, "is no cron expression"),
        ({"cron": ["@daily"], "time_zone": "Mars/Olympus"}, "no time zone 'Mars/Olympus'"),
        ({"cron": ["@daily"], "time_zone": "Europe"}, "no time zone 'Europe'"),
        ({"cron": ["@daily"], "time_zone": "../etc/passwd"}, "no time zone"),
        ({"intervals": [{"every": "PT0.5S"}]}, "greater than or equal to 1 second"),
        ({"intervals": [{"every": "PT5S", "offset": "PT5S"}]}, "shorter than every"),
        ({"cron": ["@daily"], "start_at": "2030-01-01T00:00:00"}, "timezone"),
        ({"cron": ["@daily"], "start_at": "0001-01-01T00:00:00+14:00"}, "Must lie between"),
        (
            {
                "cron": ["@daily"],
                "start_at": "2030-01-02T00:00:00Z",
                "end_at": "2030-01-01T00:00:00Z",
            },
            "later than start_at",
        ),
        ({"cron": ["@daily"], "id": "a/b"}, "pattern"),
        ({"cron": ["@daily"], "overlaps": "skip"}, "Extra inputs"),
    ],
)
def test_settings_that_make_no_schedule_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        new(**settings)


def test_a_backfill_is_bounded() -> None:
    with pytest.raises(ValidationError, match="at most 366 days"):
        Backfill(start_at=datetime(2020, 1, 1, tzinfo=UTC), end_at=datetime(2026, 1, 1, tzinfo=UTC))
