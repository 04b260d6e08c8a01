"""Events that a broker does not take: they neither hold up others nor make them come twice."""

import json
from datetime import timedelta
from queue import Empty, Queue

import pytest
import structlog.testing
from paho.mqtt.client import MQTTMessage
from sqlalchemy import func, update

from foundation.database import Database
from tests.events.relays import Relaying, drained, due, event, left, rows, settings_of
from tests.fixtures.mosquitto import Mosquitto
from tests.fixtures.wire import wire_to
from workflows.events.models import Event, EventRelay, OutgoingEvent
from workflows.events.outbox import TRIES, Outbox, Refusal, TurnLostError
from workflows.events.outgoing import Turn
from workflows.events.service import Events
from workflows.events.sweeping import give_up

pytestmark = pytest.mark.anyio

# Reasons of MQTT 5.
NOT_AUTHORIZED, QUOTA_EXCEEDED = 0x87, 0x97
BAD, GOOD = "com.example.forbidden", "com.example.part"


def numbers(received: "Queue[MQTTMessage]", count: int) -> list[int]:
    return [json.loads(received.get(timeout=30).payload)["n"] for _ in range(count)]


def turn_of(outbox: Outbox, tenant: str) -> Turn:
    while (turn := outbox.take()) is not None:
        if turn.tenant_id == tenant:
            return turn
    raise AssertionError


def nothing_more(received: "Queue[MQTTMessage]", came: list[int]) -> bool:
    try:
        came.append(json.loads(received.get(timeout=0.5).payload)["n"])
    except Empty:
        return True
    return False


async def test_a_topic_that_the_broker_denies_holds_up_nobody_and_brings_nothing_twice_each_time(
    events: Events,
    relaying: Relaying,
    tenant: str,
    mosquitto: Mosquitto,
    received: "Queue[MQTTMessage]",
    shared_database: Database,
) -> None:
    mosquitto.allow(f"millwright/{tenant}/events/{GOOD}")
    await events.emit(tenant, event(0), event(1, type=BAD), event(2), event(3))
    async with relaying(settings_of(mosquitto)) as relay:
        for _ in range(3):
            due(shared_database, tenant)
            await drained(relay)
        # This broker breaks off when it denies; what it had not confirmed by then is sent again.
        came = numbers(received, 3)
        while not nothing_more(received, came):
            pass
        assert (set(came), len(came) <= 6) == ({0, 2, 3}, True)
        due(shared_database, tenant)
        await drained(relay)
    assert nothing_more(received, [])
    (waiting,) = rows(shared_database, tenant)
    assert waiting.faults >= 3
    assert "Not authorized" in (waiting.why or "")


async def test_after_so_many_tries_an_event_is_set_aside_and_can_be_sent_anew(
    events: Events,
    relaying: Relaying,
    tenant: str,
    mosquitto: Mosquitto,
    received: "Queue[MQTTMessage]",
    shared_database: Database,
) -> None:
    mosquitto.allow(f"millwright/{tenant}/events/{GOOD}")
    refused = event(1, type=BAD)
    await events.emit(tenant, refused)
    outbox = Outbox(shared_database)
    async with relaying(settings_of(mosquitto)) as relay:
        with structlog.testing.capture_logs() as logs:
            for turn in range(TRIES):
                (row,) = rows(shared_database, tenant)
                assert (row.faults, row.due_at is None) == (turn, False)
                due(shared_database, tenant)
                await drained(relay)
        (told,) = [each for each in logs if each["event"] == "event_set_aside"]
        assert (told["tenant_id"], told["id"]) == (tenant, refused["id"])
        # Nothing is due any more, and nobody has to look.
        assert due(shared_database, tenant) is None
        (stuck,) = [each for each in outbox.set_aside(1_000) if each.tenant_id == tenant]
        assert (stuck.id, stuck.type, stuck.faults) == (refused["id"], BAD, TRIES)
        mosquitto.allow("#")
        assert outbox.again() >= 1
        await drained(relay)
    assert numbers(received, 1) == [1]
    assert left(shared_database, tenant) == 0


async def test_a_broker_that_says_not_now_of_one_holds_up_nobody_else(
    events: Events,
    relaying: Relaying,
    tenant: str,
    mosquitto: Mosquitto,
    received: "Queue[MQTTMessage]",
    shared_database: Database,
) -> None:
    mosquitto.allow(f"millwright/{tenant}/events/{GOOD}")
    quota = {NOT_AUTHORIZED: QUOTA_EXCEEDED}
    await events.emit(tenant, event(0, type=BAD))
    async with (
        wire_to(mosquitto.port, reasons=quota) as wire,
        relaying(settings_of(mosquitto, port=wire.port)) as relay,
    ):
        for number in range(1, TRIES + 3):
            await events.emit(tenant, event(number))
            due(shared_database, tenant)
            await drained(relay)
        due(shared_database, tenant)
        await drained(relay)
    came = numbers(received, TRIES + 2)
    while not nothing_more(received, came):
        pass
    assert set(came) == set(range(1, TRIES + 3))
    (row,) = rows(shared_database, tenant)
    assert (row.faults, row.due_at) == (TRIES, None)
    assert "Quota exceeded" in (row.why or "")


async def test_pauses_grow_and_an_event_that_comes_meanwhile_does_not_wait_for_them(
    events: Events,
    relaying: Relaying,
    tenant: str,
    mosquitto: Mosquitto,
    received: "Queue[MQTTMessage]",
    shared_database: Database,
) -> None:
    mosquitto.allow(f"millwright/{tenant}/events/{GOOD}")
    await events.emit(tenant, event(0, type=BAD))
    pauses: list[float] = []
    async with relaying(settings_of(mosquitto)) as relay:
        for _ in range(4):
            due(shared_database, tenant)
            await drained(relay)
            (row,) = rows(shared_database, tenant)
            assert row.due_at is not None
            assert row.failed_at is not None
            pauses.append((row.due_at - row.failed_at).total_seconds())
        assert pauses == [2, 4, 8, 16]
        await events.emit(tenant, event(1))
        await drained(relay)
    assert numbers(received, 1) == [1]


async def test_with_3_1_1_a_denied_topic_holds_up_nobody_either(
    events: Events,
    relaying: Relaying,
    tenant: str,
    mosquitto: Mosquitto,
    received: "Queue[MQTTMessage]",
    shared_database: Database,
) -> None:
    """Such a broker cannot say no: it breaks off the connection, or drops what it has confirmed."""
    mosquitto.allow(f"millwright/{tenant}/events/{GOOD}")
    await events.emit(tenant, event(0, type=BAD), event(1), event(2))
    async with relaying(settings_of(mosquitto, version="3.1.1")) as relay:
        for number in range(3, 3 + TRIES + 3):
            await events.emit(tenant, event(number))
            due(shared_database, tenant)
            await drained(relay)
        due(shared_database, tenant)
        await drained(relay)
    came = [json.loads(received.get(timeout=30).payload)["data"]["n"] for _ in range(4)]
    assert came == [1, 2, 3, 4]
    # Set aside, when the broker broke off; else nobody knows that it dropped it.
    assert [row.due_at for row in rows(shared_database, tenant)] in ([None], [])


@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_an_event_at_which_the_broker_breaks_off_is_sent_by_itself_and_set_aside(
    events: Events,
    relaying: Relaying,
    tenant: str,
    mosquitto: Mosquitto,
    shared_database: Database,
    version: str,
) -> None:
    await events.emit(tenant, event(0), event(1, type=BAD), event(2), event(3))
    async with (
        wire_to(mosquitto.port, breaks_at=BAD.encode()) as wire,
        relaying(settings_of(mosquitto, port=wire.port, version=version)) as relay,
    ):
        for turn in range(TRIES + 3):
            # Something else gets through between two tries: it is not the broker that is broken.
            await events.emit(tenant, event(10 + turn))
            due(shared_database, tenant)
            await drained(relay)
        due(shared_database, tenant)
        await drained(relay)
    (row,) = rows(shared_database, tenant)
    assert (row.faults, row.due_at) == (TRIES, None)
    own = [packet for packet in wire.sent if tenant.encode() in packet]
    others = [packet for packet in own if BAD.encode() not in packet]
    # What was under way when it broke off first may have come: those three once more at most.
    assert len(others) <= 3 + 3 + TRIES + 3


async def test_a_broker_that_breaks_off_at_everything_is_not_the_fault_of_the_events(
    events: Events,
    relaying: Relaying,
    tenant: str,
    mosquitto: Mosquitto,
    received: "Queue[MQTTMessage]",
    shared_database: Database,
) -> None:
    await events.emit(tenant, event(0), event(1))
    async with (
        wire_to(mosquitto.port, breaks_at=b"events") as wire,
        relaying(settings_of(mosquitto, port=wire.port)) as relay,
    ):
        for _ in range(2 * TRIES):
            due(shared_database, tenant)
            await drained(relay)
        assert [row.faults for row in rows(shared_database, tenant)] == [0, 0]
        wire.breaks_at = None
        for _ in range(2):
            due(shared_database, tenant)
            await drained(relay)
    # What was not confirmed is tried when its own pause is over.
    assert sorted(numbers(received, 2)) == [0, 1]


async def test_what_a_slow_broker_has_confirmed_is_not_sent_again(
    events: Events,
    relaying: Relaying,
    tenant: str,
    mosquitto: Mosquitto,
    shared_database: Database,
) -> None:
    await events.emit(tenant, *(event(number) for number in range(30)))
    async with (
        wire_to(mosquitto.port, acks=12) as wire,
        relaying(settings_of(mosquitto, port=wire.port), patience_s=5.0) as relay,
    ):
        await drained(relay)
        assert left(shared_database, tenant) == 18
        wire.acks = None
        wire.sent.clear()
        due(shared_database, tenant)
        await drained(relay)
    own = [packet for packet in wire.sent if tenant.encode() in packet]
    assert (left(shared_database, tenant), len(own)) == (0, 18)


async def test_who_took_too_long_settles_nothing_of_who_came_after(
    events: Events, tenant: str, shared_database: Database
) -> None:
    await events.emit(tenant, event(0))
    outbox = Outbox(shared_database)

    slow = turn_of(outbox, tenant)
    due(shared_database, tenant)
    now = turn_of(outbox, tenant)
    (outgoing,) = outbox.next(now)
    with pytest.raises(TurnLostError):
        outbox.settle(slow, [outgoing.sequence], {})
    with pytest.raises(TurnLostError):
        outbox.unconfirmed(slow, [outgoing.sequence], "slow")
    with pytest.raises(TurnLostError):
        outbox.later(slow, 0.0, 0)
    with pytest.raises(TurnLostError):
        outbox.next(slow)
    assert left(shared_database, tenant) == 1
    assert outbox.settle(now, [outgoing.sequence], {}) == []
    assert left(shared_database, tenant) == 0


async def test_without_a_broker_events_for_it_are_kept_for_their_time_and_then_given_up(
    events: Events, tenant: str, shared_database: Database
) -> None:
    await events.emit(tenant, event(0), event(1))
    outbox, kept = Outbox(shared_database), timedelta(days=7)
    await give_up(outbox, kept)
    assert left(shared_database, tenant) == 2
    with shared_database.session() as session:
        session.execute(
            update(Event)
            .where(Event.tenant_id == tenant)
            .values(received_at=func.now() - timedelta(days=8))
        )
    with structlog.testing.capture_logs() as logs:
        await give_up(outbox, kept)
    (told,) = [each for each in logs if each.get("tenant_id") == tenant]
    assert (told["event"], told["count"]) == ("events_given_up", 2)
    assert left(shared_database, tenant) == 0
    with shared_database.session() as session:
        assert session.get(EventRelay, tenant) is None
    # And nothing keeps the events themselves any more.
    while events.ledger.purge():
        pass
    with shared_database.session() as session:
        assert session.query(Event).filter(Event.tenant_id == tenant).count() == 0


@pytest.mark.usefixtures("relaying")
async def test_a_broker_that_is_back_and_only_refuses_holds_up_nothing_new(
    events: Events, tenant: str, shared_database: Database
) -> None:
    outbox = Outbox(shared_database)
    events.ledger.publish(tenant, [event(0, type=BAD)], outgoing=True)
    outbox.later(turn_of(outbox, tenant), 0.0, 1)  # it was away
    turn = turn_of(outbox, tenant)
    (denied,) = outbox.next(turn)
    outbox.settle(turn, [], {denied.sequence: Refusal("denied")})
    assert outbox.next(turn) == []

    events.ledger.publish(tenant, [event(1)], outgoing=True)

    (fresh,) = outbox.next(turn_of(outbox, tenant))
    assert json.loads(fresh.body)["data"]["n"] == 1


@pytest.mark.usefixtures("relaying")
async def test_an_event_may_be_tried_any_number_of_times(
    events: Events, tenant: str, shared_database: Database
) -> None:
    outbox = Outbox(shared_database)
    events.ledger.publish(tenant, [event(0)], outgoing=True)
    turn = turn_of(outbox, tenant)
    (outgoing,) = outbox.next(turn)
    with shared_database.session() as session:
        session.execute(
            update(OutgoingEvent)
            .where(OutgoingEvent.tenant_id == tenant)
            .values(attempts=5_000, alone=True)
        )

    assert not outbox.unconfirmed(turn, [outgoing.sequence], "silent").is_its_fault
    assert outbox.next(turn) == []
