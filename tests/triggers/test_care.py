"""Who takes care of the schedule of a definition: one at a time, and none in the way of another."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update
from typing_extensions import override

from foundation.errors import ForbiddenError, UnavailableError
from security.principal import Principal
from tests.triggers.conftest import Plant
from tests.triggers.test_on_events import ONE, numbered
from workflows.catalog import Catalog, PublishedDefinition
from workflows.triggers.ledger import AGAIN, AGAIN_AT_MOST, GRACE, HELD, ScheduleLedger
from workflows.triggers.models import DefinitionSchedule
from workflows.triggers.repository import ScheduleRows
from workflows.triggers.sweeping import sweep
from workflows.triggers.wiring import build_triggers

pytestmark = pytest.mark.anyio


class Stuck(Catalog):
    """A catalogue that has no time for one definition."""

    @override
    def get(
        self, tenant_id: str, namespace: str, name: str, version: str | None = None
    ) -> PublishedDefinition:
        if name == "stuck":
            raise UnavailableError("The database does not answer.")
        return super().get(tenant_id, namespace, name, version)


def passes(plant: Plant, time: timedelta) -> None:
    """Let so much time pass for the tenant."""
    with plant.database.session() as session:
        session.execute(
            update(DefinitionSchedule)
            .where(DefinitionSchedule.tenant_id == plant.tenant)
            .values(
                due_at=DefinitionSchedule.due_at - time,
                held_until=DefinitionSchedule.held_until - time,
            )
        )


def row(plant: Plant) -> DefinitionSchedule:
    with plant.database.session() as session:
        found = ScheduleRows(session, plant.name).schedule()
        assert found is not None
        session.expunge(found)
    return found


def ledger(plant: Plant) -> ScheduleLedger:
    return plant.triggers.ledger


async def test_one_that_cannot_be_kept_keeps_no_other_from_being_kept(plant: Plant) -> None:
    text = f"""
document: {{ dsl: '1.0.3', namespace: tests, name: stuck, version: '1.0.0' }}
schedule: {ONE}
do: []
"""
    plant.catalog.publish(plant.principal, text)
    plant.commit("1.0.0", ONE)
    passes(plant, GRACE)
    with plant.database.session() as session:
        session.execute(
            update(DefinitionSchedule)
            .where(DefinitionSchedule.tenant_id == plant.tenant, DefinitionSchedule.name == "stuck")
            .values(due_at=datetime.now(UTC) - timedelta(days=1))
        )
    triggers = build_triggers(plant.database, plant.client, Stuck(plant.database), plant.settings)
    assert await sweep(triggers) >= 2
    assert row(plant).settled == 1
    await plant.send(*numbered("part", 1))
    assert await plant.outputs(1) == [[1]]
    with plant.database.session() as session:
        stuck = ScheduleRows(session, plant.name._replace(name="stuck")).schedule()
        assert stuck is not None
        assert (stuck.settled, stuck.attempts) == (0, 1)
        assert stuck.trouble == "UnavailableError: The database does not answer."


async def test_what_does_not_succeed_is_tried_ever_more_rarely(idle: Plant) -> None:
    idle.commit("1.0.0", ONE)
    pauses = []
    for _ in range(12):
        task = ledger(idle).hold(idle.name)
        assert task is not None
        before = datetime.now(UTC)
        ledger(idle).let_go(task, "It is away.")
        due = row(idle).due_at
        assert due is not None
        pauses.append(round((due - before) / AGAIN))
    most = AGAIN_AT_MOST // AGAIN
    assert pauses == [min(2**each, most) for each in range(12)]
    # What is published then is looked at soon.
    idle.commit("2.0.0", ONE)
    assert row(idle).attempts == 0
    task = ledger(idle).hold(idle.name)
    assert task is not None
    ledger(idle).settle(task, keeps=True)
    assert row(idle).trouble is None


async def test_who_was_too_slow_frees_and_settles_nothing_of_who_came_after(idle: Plant) -> None:
    idle.commit("1.0.0", ONE)
    slow = ledger(idle).hold(idle.name)
    assert slow is not None
    passes(idle, HELD)
    other = ledger(idle).hold(idle.name)
    assert other is not None
    ledger(idle).let_go(slow, "It was slow.")
    assert row(idle).trouble is None
    assert ledger(idle).settle(slow, keeps=False)
    assert ledger(idle).hold(idle.name) is None
    assert row(idle).settled == 0
    # What the slow one has made may have to end: it is looked at once more.
    assert not ledger(idle).settle(other, keeps=True)
    again = ledger(idle).hold(idle.name)
    assert again is not None
    assert again.changed
    assert ledger(idle).settle(again, keeps=True)


async def test_who_made_what_was_replaced_meanwhile_settles_nothing(idle: Plant) -> None:
    await idle.publish("1.0.0", ONE)
    passes(idle, HELD)
    task = ledger(idle).hold(idle.name)
    assert task is not None
    assert not task.changed
    idle.commit("2.0.0", "")
    assert not ledger(idle).settle(task, keeps=True)
    found = row(idle)
    assert (found.settled, found.revision, found.held_until) == (0, 2, None)
    assert found.due_at is not None
    assert found.due_at <= datetime.now(UTC)


async def test_who_may_not_start_a_definition_publishes_none_that_starts_by_itself(
    idle: Plant,
) -> None:
    manager = idle.principal
    allowed = manager.permissions - {"workflow:execute"}
    idle.principal = Principal(idle.tenant, "bo", "bo@e.com", frozenset({"x"}), allowed)
    with pytest.raises(ForbiddenError, match="workflow:execute"):
        idle.commit("1.0.0", ONE)
    assert idle.commit("1.0.0", "").created
    idle.principal = manager
    idle.commit("2.0.0", ONE)
    # Also when the schedule is what it was.
    idle.principal = Principal(idle.tenant, "bo", "bo@e.com", frozenset({"x"}), allowed)
    with pytest.raises(ForbiddenError, match="workflow:execute"):
        idle.commit("3.0.0", ONE)
