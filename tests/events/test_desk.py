"""What the desk promises when processes die, are doubled, or come too late."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from itertools import pairwise
from typing import Any
from uuid import uuid4

import anyio
import pytest
from anyio import to_thread
from sqlalchemy import func, select, text, update
from temporalio.client import Client

from activities.events import Interest, Listening, Take
from foundation.database import Database
from workflows.events.ledger import Ledger
from workflows.events.models import Event, EventConsumption, EventSubscription
from workflows.events.repository import EventRows, Subscriber
from workflows.events.service import Events
from workflows.events.sweeping import sweep
from workflows.expressions import CURRENT

pytestmark = pytest.mark.anyio


@pytest.fixture
def ledger(shared_database: Database) -> Ledger:
    return Ledger(shared_database, timedelta(minutes=5), timedelta(days=1))


def event(number: int, **more: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": uuid4().hex,
        "source": "/s",
        "type": "part",
        "data": number,
        **more,
    }


def interest(key: Any = None, **attributes: Any) -> Interest:
    shape = {"with": attributes, "from": [".data"] if key else [], "version": CURRENT.name}
    return Interest(shape=shape, key=[key] if key else [])


def take(tenant: str, who: str = "w", name: str = "/do/0/a", **more: Any) -> Take:
    more.setdefault("interests", [interest(type="part")])
    return Take(tenant_id=tenant, workflow_id=f"{tenant}/{who}", name=name, **more)


def data(ledger: Ledger, request: Take) -> list[Any]:
    return [each.event["data"] for each in ledger.take(request).arrivals]


def test_what_was_not_acknowledged_is_given_again(ledger: Ledger, tenant: str) -> None:
    assert data(ledger, take(tenant)) == []
    wakes = ledger.publish(tenant, [event(1), event(2), event(3)]).wakes
    assert [each.workflow_id for each in wakes] == [f"{tenant}/w"]
    # Whoever is woken already is not woken again until it has asked.
    assert ledger.publish(tenant, [event(4)]).wakes == []
    first = ledger.take(take(tenant))
    assert [each.event["data"] for each in first.arrivals] == [1, 2, 3, 4]
    assert data(ledger, take(tenant)) == [1, 2, 3, 4]
    assert data(ledger, take(tenant, after=first.arrivals[1].sequence)) == [3, 4]
    assert data(ledger, take(tenant, after=first.arrivals[3].sequence)) == []
    assert len(ledger.publish(tenant, [event(5)]).wakes) == 1


def test_a_batch_is_bounded_and_says_that_there_is_more(ledger: Ledger, tenant: str) -> None:
    ledger.take(take(tenant))
    ledger.publish(tenant, [event(number) for number in range(70)])
    first = ledger.take(take(tenant))
    assert (len(first.arrivals), first.more) == (64, True)
    rest = ledger.take(take(tenant, after=first.arrivals[-1].sequence))
    assert (len(rest.arrivals), rest.more) == (6, False)
    ledger.publish(tenant, [event(0, data="x" * 60_000) for _ in range(10)])
    large = ledger.take(take(tenant, after=rest.arrivals[-1].sequence))
    assert (len(large.arrivals), large.more) == (6, True)


def test_only_those_who_wait_for_an_event_get_it(ledger: Ledger, tenant: str) -> None:
    others = {
        "key": [interest("7", type="part")],
        "regex": [interest(type="pa[rs]t")],
        "closed": [interest(type="part", data="${ . > 5 }")],
        "any": [interest()],
        "twice": [interest(), interest(type="part")],
        "none": [interest(type="other")],
    }
    for who, interests in others.items():
        ledger.take(take(tenant, who, interests=interests))
    woken = ledger.publish(tenant, [event(6)]).wakes
    assert {each.workflow_id.rpartition("/")[2] for each in woken} == {
        "regex",
        "closed",
        "any",
        "twice",
    }
    assert data(ledger, take(tenant, "twice", interests=others["twice"])) == [6]
    woken = ledger.publish(tenant, [event(0, data="7")]).wakes
    # jq's order puts texts above numbers.
    assert {each.workflow_id.rpartition("/")[2] for each in woken} == {"key", "twice"}


def test_a_late_listener_gets_what_is_kept_and_not_used(
    ledger: Ledger, tenant: str, shared_database: Database
) -> None:
    ledger.publish(tenant, [event(1), event(2), event(3, type="other")])
    first = ledger.take(take(tenant))
    assert [each.event["data"] for each in first.arrivals] == [1, 2]
    used = first.arrivals[0].sequence
    ledger.close(
        Listening(tenant_id=tenant, workflow_id=f"{tenant}/w", name="/do/0/a", consumed=[used])
    )
    assert data(ledger, take(tenant, name="/do/1/b")) == [2]
    assert data(ledger, take(tenant, "another")) == [1, 2]
    assert data(ledger, take(tenant, "late", missed=False)) == []
    short = Ledger(shared_database, timedelta(0), timedelta(0))
    assert data(short, take(tenant, "too-late")) == []


def test_other_interests_under_the_same_name_replace_the_old_ones(
    ledger: Ledger, tenant: str
) -> None:
    ledger.take(take(tenant))
    ledger.publish(tenant, [event(1)])
    changed = [interest(type="other")]
    # What was brought for the old ones is still there: the run decides.
    assert data(ledger, take(tenant, interests=changed)) == [1]
    ledger.publish(tenant, [event(2), event(3, type="other")])
    assert data(ledger, take(tenant, interests=changed)) == [1, 3]


async def test_an_event_and_a_listener_that_come_together_see_each_other(
    ledger: Ledger, tenant: str
) -> None:
    async with anyio.create_task_group() as group:
        for number in range(20):
            group.start_soon(to_thread.run_sync, partial(ledger.publish, tenant, [event(number)]))
            group.start_soon(to_thread.run_sync, ledger.take, take(tenant, f"w{number}"))
    for number in range(20):
        assert sorted(data(ledger, take(tenant, f"w{number}"))) == list(range(20))


async def test_the_same_event_at_the_same_time_is_taken_once(ledger: Ledger, tenant: str) -> None:
    ledger.take(take(tenant))
    same = event(1)
    async with anyio.create_task_group() as group:
        for _ in range(10):
            group.start_soon(to_thread.run_sync, partial(ledger.publish, tenant, [same, same]))
    assert data(ledger, take(tenant)) == [1]


@pytest.fixture
def late(shared_database: Database, tenant: str) -> Iterator[None]:
    """After the test nothing of it is swept by another one."""
    yield
    with shared_database.session() as session:
        session.execute(
            update(EventSubscription)
            .where(EventSubscription.tenant_id == tenant)
            .values(wake_at=None)
        )


@pytest.mark.usefixtures("late")
async def test_who_was_not_woken_is_woken_by_the_sweep_ever_more_rarely(
    ledger: Ledger, tenant: str, temporal: Client, shared_database: Database
) -> None:
    workflow_id = f"{tenant}/w"
    await temporal.start_workflow("nobody.runs", id=workflow_id, task_queue=f"none-{tenant}")
    ledger.take(take(tenant))
    ledger.publish(tenant, [event(1)])  # and the process dies before it has signalled
    events = Events(ledger, temporal)

    def let_time_pass() -> timedelta:
        with shared_database.session() as session:
            row = session.scalars(
                select(EventSubscription).where(EventSubscription.tenant_id == tenant)
            ).one()
            assert row.wake_at is not None
            now = session.scalar(select(func.now()))
            assert now is not None
            left: timedelta = row.wake_at - now
            row.wake_at = now - timedelta(seconds=1)
            return left

    pauses = []
    for _ in range(4):
        pauses.append(let_time_pass())
        await sweep(events)
    signals = [
        each
        async for each in temporal.get_workflow_handle(workflow_id).fetch_history_events()
        if each.HasField("workflow_execution_signaled_event_attributes")
    ]
    assert len(signals) == 4
    assert all(later > before * 1.5 for before, later in pairwise(pauses))
    await temporal.get_workflow_handle(workflow_id).terminate()
    # Nobody is there any more, so nothing is kept for it.
    let_time_pass()
    await sweep(events)
    with shared_database.session() as session:
        found = session.scalar(select(func.count()).where(EventSubscription.tenant_id == tenant))
    assert found == 0


def test_old_events_are_purged_but_not_while_somebody_waits_for_them(
    tenant: str, database: Database
) -> None:
    ledger = Ledger(database, timedelta(0), timedelta(0))
    ledger.take(take(tenant))
    ledger.publish(tenant, [event(1)])
    ledger.publish(tenant, [event(2, type="other")])
    assert ledger.purge() == 1
    (kept,) = ledger.take(take(tenant)).arrivals
    used = Listening(
        tenant_id=tenant,
        workflow_id=f"{tenant}/w",
        name="/do/0/a",
        after=kept.sequence,
        consumed=[kept.sequence],
    )
    ledger.close(used)
    assert ledger.purge() == 1
    with database.session() as session:
        assert session.scalar(select(func.count()).select_from(Event)) == 0
        assert session.scalar(select(func.count()).select_from(EventConsumption)) == 0
    # What is gone needs no memory.
    ledger.close(used)


def test_what_is_forgotten_while_it_asks_is_listened_to_anew(
    ledger: Ledger, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert data(ledger, take(tenant)) == []
    look = EventRows.subscription

    def too_late(rows: EventRows, subscriber: Subscriber) -> EventSubscription | None:
        monkeypatch.setattr(EventRows, "subscription", look)
        ledger.forget(tenant, subscriber.workflow_id, lambda: True)
        return rows.subscription(subscriber)

    monkeypatch.setattr(EventRows, "subscription", too_late)
    assert data(ledger, take(tenant)) == []
    ledger.publish(tenant, [event(1)])

    assert data(ledger, take(tenant)) == [1]


def test_nothing_is_forgotten_of_an_instance_that_is_there(ledger: Ledger, tenant: str) -> None:
    assert data(ledger, take(tenant)) == []
    ledger.forget(tenant, f"{tenant}/w", lambda: False)

    assert ledger.publish(tenant, [event(1)]).wakes


def test_events_come_to_others_while_somebody_looks_whether_one_is_over(
    ledger: Ledger, tenant: str
) -> None:
    assert data(ledger, take(tenant)) == data(ledger, take(tenant, "other")) == []

    ledger.publish(tenant, [event(1)])  # it was woken for, and did not wake

    def over() -> bool:
        ledger.publish(tenant, [event(2)])
        return True

    ledger.forget(tenant, f"{tenant}/w", over)
    assert data(ledger, take(tenant, "other")) == [1, 2]


def test_an_event_that_comes_while_a_listener_goes_comes_to_the_others(
    ledger: Ledger, tenant: str
) -> None:
    assert data(ledger, take(tenant)) == data(ledger, take(tenant, "other")) == []
    waiting = text(
        "select count(*) from pg_stat_activity where wait_event_type = 'Lock' "
        "and query like 'INSERT INTO event_deliveries%' and datname = current_database()"
    )
    with ThreadPoolExecutor(1) as beside:
        with ledger.database.session() as going:
            EventRows(going, tenant).unsubscribe(Subscriber(f"{tenant}/w", "/do/0/a"))
            published = beside.submit(ledger.publish, tenant, [event(1)])
            while not published.done():
                with ledger.database.session() as looking:  # what one sees does not change
                    if looking.scalar(waiting):
                        break
                time.sleep(0.01)
        assert len(published.result().wakes) == 1
    assert data(ledger, take(tenant, "other")) == [1]
