"""One version takes the place of another: no event is lost or used twice, whoever dies."""

import anyio
import pytest
from sqlalchemy import select, update

from activities.schedules import TriggerKind
from foundation.json import JsonObject
from foundation.settings import TemporalSettings
from foundation.temporal import connect
from tests.triggers.conftest import Plant, at_work, plant_of
from tests.triggers.patience import eventually
from tests.triggers.test_on_events import BOTH, ONE, numbered
from workflows.catalog.models import WorkflowDefinition
from workflows.triggers.ledger import GRACE
from workflows.triggers.models import DefinitionSchedule
from workflows.triggers.sweeping import sweep

pytestmark = pytest.mark.anyio

OTHER = "{ on: { one: { with: { type: part, data: '${ . > 9 }' } } } }"
ANY = "{ on: { any: [ { with: { type: part } }, { with: { type: other%s } } ] } }"
TAGGED = "do: [ { keep: { set: { got: '${ [\"%s\", .[0]] }' } } } ]"


async def test_an_event_starts_the_version_that_was_the_newest_when_it_came(idle: Plant) -> None:
    await idle.publish("1.0.0", ONE, TAGGED % 1)
    await idle.send(*numbered("part", 1, 10))
    # Nobody has looked at these yet.
    await idle.publish("2.0.0", OTHER, TAGGED % 2)
    await idle.send(*numbered("part", 2, 20))
    async with at_work(idle):
        assert await idle.outputs(3) == [["1", 10], ["1", 1], ["2", 20]]
        await idle.listens()
        await idle.send(*numbered("part", 3, 30))
        assert ["2", 30] in await idle.outputs(4)
        assert await idle.replay() == 1


async def test_a_set_that_has_begun_is_completed_under_the_next_version(plant: Plant) -> None:
    await plant.publish("1.0.0", BOTH)
    await plant.send(*numbered("door", 1))
    await plant.listens()
    await plant.publish("1.1.0", BOTH)
    await plant.send(*numbered("light", 2))
    assert await plant.outputs(1) == [[1, 2]]
    assert await plant.versions(1) == ["1.1.0"]


async def test_an_older_version_that_is_published_later_changes_nothing(plant: Plant) -> None:
    await plant.publish("2.0.0", ONE)
    await plant.publish("1.5.0", "{ on: { one: { with: { type: other } } } }")
    await plant.publish("3.0.0-rc.1", "{ on: { one: { with: { type: other } } } }")
    await plant.send({"type": "other"}, *numbered("part", 1))
    assert await plant.outputs(1) == [[1]]
    assert await plant.versions(1) == ["2.0.0"]


async def test_a_version_without_a_schedule_ends_it_when_all_events_are_used(idle: Plant) -> None:
    await idle.publish("1.0.0", ONE)
    await idle.send(*numbered("part", 1))
    await idle.publish("2.0.0", "")
    await idle.send(*numbered("part", 2))
    async with at_work(idle):
        assert await idle.outputs(1) == [[1]]
        await idle.ended()
        await idle.send(*numbered("part", 3))
        assert len(await idle.instances()) == 1
        # And one with a schedule begins it again.
        await idle.publish("3.0.0", ONE)
        await idle.send(*numbered("part", 4))
        assert [4] in await idle.outputs(2)


async def test_a_process_that_dies_after_it_has_published_is_replaced_by_the_sweep(
    plant: Plant,
) -> None:
    plant.commit("1.0.0", ONE)
    await plant.send(*numbered("part", 1))
    assert await plant.instances() == []
    with plant.database.session() as session:
        # As if its time had passed.
        session.execute(
            update(DefinitionSchedule)
            .where(DefinitionSchedule.tenant_id == plant.tenant)
            .values(due_at=DefinitionSchedule.due_at - GRACE)
        )
    await eventually(lambda: sweep(plant.triggers), bool)
    assert await plant.outputs(1) == [[1]]


async def test_a_version_that_nobody_understands_any_more_ends_no_worker_and_can_be_replaced(
    plant: Plant,
) -> None:
    plant.commit("1.0.0", ONE)
    with plant.database.session() as session:
        (kept,) = session.scalars(
            select(WorkflowDefinition).where(WorkflowDefinition.tenant_id == plant.tenant)
        )
        kept.document = {**kept.document, "schedule": {"on": {"once": {}}}}
        session.execute(
            update(DefinitionSchedule)
            .where(DefinitionSchedule.tenant_id == plant.tenant)
            .values(due_at=DefinitionSchedule.due_at - GRACE)
        )
    await eventually(lambda: sweep(plant.triggers), bool)
    assert plant.commit("2.0.0", ONE).created


async def test_events_of_the_next_version_do_not_wait_for_one_that_nobody_understands(
    idle: Plant,
) -> None:
    idle.commit("1.0.0", ONE, TAGGED % 1)
    await idle.send(*numbered("part", 1))
    unknown: JsonObject = {"on": {"once": {}}}
    with idle.database.session() as session:
        (kept,) = session.scalars(
            select(WorkflowDefinition).where(WorkflowDefinition.tenant_id == idle.tenant)
        )
        understood, kept.document = kept.document, {**kept.document, "schedule": unknown}
    await idle.publish("2.0.0", ONE, TAGGED % 2)
    await idle.send(*numbered("part", 2))
    async with at_work(idle):
        assert await idle.outputs(1) == [["2", 2]]
        (trouble,) = [
            each for each in idle.triggers.ledger.troubles() if each.tenant_id == idle.tenant
        ]
        assert (trouble.name, trouble.version) == ("sample", "1.0.0")
        assert trouble.why
    # Its events are kept for a worker that understands it.
    with idle.database.session() as session:
        (kept,) = session.scalars(
            select(WorkflowDefinition).where(
                WorkflowDefinition.tenant_id == idle.tenant, WorkflowDefinition.version == "1.0.0"
            )
        )
        kept.document = understood
    newer = plant_of(idle.client, "", idle.settings.task_queue, idle.tenant, idle.database)
    async with at_work(newer):
        await newer.sweep()
        assert await newer.outputs(2) == [["1", 1], ["2", 2]]
        await newer.send(*numbered("part", 3))
        assert ["2", 3] in await newer.outputs(3)
        assert await newer.replay() == 1
    assert not [each for each in idle.triggers.ledger.troubles() if each.tenant_id == idle.tenant]
    await newer.events.aclose()


async def test_what_is_published_while_temporal_is_away_is_kept_when_it_is_back(
    plant: Plant,
) -> None:
    nowhere = TemporalSettings(address="127.0.0.1:1", task_queue=plant.settings.task_queue)
    away = plant_of(
        await connect(nowhere, lazy=True),
        "",
        plant.settings.task_queue,
        plant.tenant,
        plant.database,
    )
    await away.publish("1.0.0", ONE)
    await plant.send(*numbered("part", 1))
    await plant.sweep()
    assert await plant.outputs(1) == [[1]]


async def test_two_that_publish_at_once_agree_on_the_newest(plant: Plant) -> None:
    async with anyio.create_task_group() as group:
        for number in range(1, 6):
            group.start_soon(
                plant.publish,
                f"{number}.0.0",
                ONE.replace("part", f"part{number}"),
            )
    await plant.sweep()
    for number in range(1, 6):
        await plant.send(*numbered(f"part{number}", number))
    assert await plant.outputs(1) == [[5]]
    assert await plant.versions(1) == ["5.0.0"]


async def test_no_event_is_lost_or_doubled_while_versions_replace_each_other(
    restless: Plant,
) -> None:
    await restless.publish("1.0.0", ONE, TAGGED % 1)
    sent = 12

    async def send() -> None:
        for number in range(sent):
            await restless.send(*numbered("part", number))

    async def replace() -> None:
        for number in range(2, 5):
            # Each has another filter, and means the same events.
            other = ANY % number
            await restless.publish(f"{number}.0.0", other, TAGGED % number)
            await anyio.sleep(0.1)

    async with anyio.create_task_group() as group:
        group.start_soon(send)
        group.start_soon(replace)
    got = await restless.outputs(sent)
    assert sorted(each[1] for each in got) == list(range(sent))
    # The version that an event starts never goes back.
    by_event = sorted((each[1], int(each[0])) for each in got)
    assert [version for _, version in by_event] == sorted(version for _, version in by_event)
    await restless.replay()
    assert len(await restless.instances()) == sent


async def test_what_somebody_has_stopped_begins_again_and_starts_nothing_twice(
    plant: Plant,
) -> None:
    await plant.publish("1.0.0", ONE)
    await plant.send(*numbered("part", 1, 2))
    await plant.outputs(2)
    await plant.trigger().terminate()
    await plant.send(*numbered("part", 3))
    await plant.sweep()
    assert await plant.outputs(3) == [[1], [2], [3]]


async def test_triggers_are_no_instances(plant: Plant) -> None:
    await plant.publish("1.0.0", ONE)
    await plant.listens()
    assert await plant.instances() == []
    assert plant.trigger(TriggerKind.ON).id.endswith("/tests/sample/.on")
