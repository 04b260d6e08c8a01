"""What the broker keeps between two polls: nothing is acknowledged before the run has it."""

import json
import socket
from asyncio import Future
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from paho.mqtt.client import MQTTMessage

from activities.asyncapi import mqtt
from activities.asyncapi.connection import Broker
from activities.asyncapi.errors import BrokerRefusedError, SubscriptionLostError
from activities.asyncapi.message import key_of
from activities.http.errors import CallUnreachedError, RequestError
from activities.logins.types import PlainLogin
from deploy.local.ports import LOOPBACK
from tests.fixtures.mosquitto import PASSWORD, USER, Mosquitto

pytestmark = pytest.mark.anyio
SESSION = "mwtest"
BOTH = pytest.mark.parametrize("is_5", [False, True])


def broker_of(mosquitto: Mosquitto, *, is_5: bool, password: str = PASSWORD) -> Broker:
    return Broker(
        host=LOOPBACK,
        port=mosquitto.port,
        address=(LOOPBACK, mosquitto.port),
        tls=None,
        is_5=is_5,
        login=PlainLogin(scheme="basic", username=USER, secret=password),
    )


async def polled(
    broker: Broker, taken: Sequence[str] = (), carried: Sequence[str] = (), *, limit: int = 10
) -> mqtt.Batch:
    never: Future[None] = Future()
    return await mqtt.poll(broker, SESSION, taken, carried, limit=limit, wait_s=2, stop=never)


def payloads(batch: mqtt.Batch) -> list[Any]:
    return [delivery.message["payload"] for delivery in batch.deliveries]


def keys(batch: mqtt.Batch) -> list[str]:
    return [delivery.key for delivery in batch.deliveries]


def texts(numbers: Iterable[int]) -> list[str]:
    return [json.dumps(number) for number in numbers]


@BOTH
async def test_what_a_poll_gave_comes_again_until_the_next_one_says_that_it_is_taken(
    mosquitto: Mosquitto, is_5: bool
) -> None:
    broker = broker_of(mosquitto, is_5=is_5)
    await mqtt.subscribe(broker, SESSION, "steps")
    mosquitto.publish("steps", *texts(range(3)))
    first = await polled(broker)
    again = await polled(broker)
    assert payloads(first) == payloads(again) == [0, 1, 2]
    mosquitto.publish("steps", "3")
    second = await polled(broker, keys(first))
    assert payloads(second) == [3]
    assert payloads(await polled(broker, keys(second), second.unsettled)) == []


@BOTH
async def test_a_key_is_carried_until_its_message_stays_away(
    mosquitto: Mosquitto, is_5: bool
) -> None:
    broker = broker_of(mosquitto, is_5=is_5)
    await mqtt.subscribe(broker, SESSION, "steps")
    mosquitto.publish("steps", "1")
    taken = keys(await polled(broker))
    came_again = await polled(broker, taken)
    assert came_again.unsettled == taken
    stayed_away = await polled(broker, [], came_again.unsettled)
    assert (stayed_away.unsettled, stayed_away.settled) == ([], True)


@BOTH
async def test_a_poll_that_is_stopped_at_once_forgets_nothing(
    mosquitto: Mosquitto, is_5: bool
) -> None:
    broker = broker_of(mosquitto, is_5=is_5)
    await mqtt.subscribe(broker, SESSION, "steps")
    mosquitto.publish("steps", *texts(range(15)))
    taken = keys(await polled(broker, limit=15))
    stop: Future[None] = Future()
    stop.set_result(None)
    stopped = await mqtt.poll(broker, SESSION, taken, [], limit=1, wait_s=2, stop=stop)
    assert (payloads(stopped), sorted(stopped.unsettled)) == ([], sorted(taken))
    assert payloads(await polled(broker, [], stopped.unsettled)) == []


@BOTH
async def test_equal_messages_are_told_apart(mosquitto: Mosquitto, is_5: bool) -> None:
    broker = broker_of(mosquitto, is_5=is_5)
    await mqtt.subscribe(broker, SESSION, "steps")
    mosquitto.publish("steps", "7", "7")
    first = await polled(broker, limit=1)
    assert payloads(first) == [7]
    assert payloads(await polled(broker, keys(first))) == [7]


@BOTH
async def test_a_batch_is_limited_and_the_rest_comes_in_order(
    mosquitto: Mosquitto, is_5: bool
) -> None:
    broker = broker_of(mosquitto, is_5=is_5)
    await mqtt.subscribe(broker, SESSION, "steps")
    mosquitto.publish("steps", *texts(range(45)))
    found: list[Any] = []
    taken: list[str] = []
    carried: list[str] = []
    while len(found) < 45:
        batch = await polled(broker, taken, carried, limit=7)
        assert 0 < len(batch.deliveries) <= 7
        found += payloads(batch)
        taken, carried = keys(batch), batch.unsettled
    assert found == list(range(45))


@BOTH
async def test_messages_of_a_batch_are_bounded_by_their_size(
    mosquitto: Mosquitto, is_5: bool
) -> None:
    broker = broker_of(mosquitto, is_5=is_5)
    await mqtt.subscribe(broker, SESSION, "steps")
    mosquitto.publish("steps", *("x" * 80_000 for _ in range(4)))
    first = await polled(broker)
    assert len(first.deliveries) == 2
    assert len((await polled(broker, keys(first))).deliveries) == 2


@BOTH
async def test_a_subscription_that_was_closed_is_lost_and_says_so(
    mosquitto: Mosquitto, is_5: bool
) -> None:
    broker = broker_of(mosquitto, is_5=is_5)
    await mqtt.subscribe(broker, SESSION, "steps")
    mosquitto.publish("steps", "1")
    await mqtt.close(broker, SESSION, keys(await polled(broker)), [])
    with pytest.raises(SubscriptionLostError):
        await polled(broker)


@BOTH
async def test_subscribing_again_begins_anew(mosquitto: Mosquitto, is_5: bool) -> None:
    broker = broker_of(mosquitto, is_5=is_5)
    await mqtt.subscribe(broker, SESSION, "steps")
    mosquitto.publish("steps", "1")
    await mqtt.subscribe(broker, SESSION, "steps")
    mosquitto.publish("steps", "2")
    assert payloads(await polled(broker)) == [2]


@BOTH
async def test_subscribing_once_more_goes_on_where_nobody_heard_that_it_had_begun(
    mosquitto: Mosquitto, is_5: bool
) -> None:
    broker = broker_of(mosquitto, is_5=is_5)
    await mqtt.subscribe(broker, SESSION, "steps")
    mosquitto.publish("steps", "1")
    await mqtt.subscribe(broker, SESSION, "steps", again=True)
    mosquitto.publish("steps", "2")
    first = await polled(broker)
    assert payloads(first) == [1, 2]
    assert payloads(await polled(broker, keys(first))) == []


@BOTH
async def test_a_topic_that_is_none_is_refused_before_it_is_sent(
    mosquitto: Mosquitto, is_5: bool
) -> None:
    with pytest.raises(RequestError):
        await mqtt.subscribe(broker_of(mosquitto, is_5=is_5), SESSION, "a/#/b")


@BOTH
async def test_errors_of_the_log_in_and_of_the_connection_are_told_apart(
    mosquitto: Mosquitto, is_5: bool
) -> None:
    with pytest.raises(BrokerRefusedError) as refused:
        await polled(broker_of(mosquitto, is_5=is_5, password="guess"))
    assert (refused.value.kind, refused.value.retryable) == ("authentication", False)
    mosquitto.kill()
    with pytest.raises(CallUnreachedError):
        await polled(broker_of(mosquitto, is_5=is_5))


@BOTH
async def test_a_port_that_takes_connections_and_says_nothing_is_not_waited_for(
    mosquitto: Mosquitto, is_5: bool
) -> None:
    with socket.create_server((LOOPBACK, 0)) as silent:
        port = silent.getsockname()[1]
        broker = replace(broker_of(mosquitto, is_5=is_5), address=(LOOPBACK, port))
        with pytest.raises(CallUnreachedError, match="does not answer"):
            await polled(broker)


def test_a_number_belongs_to_one_message_until_that_is_acknowledged() -> None:
    def sent(*, dup: bool) -> MQTTMessage:
        message = MQTTMessage(mid=21, topic=b"steps")
        message.payload, message.qos, message.dup = b"7", 1, dup
        return message

    key = key_of(sent(dup=False))
    # A broker that was killed may have forgotten that it has sent it.
    taken = mqtt.Batch(frozenset({key}), frozenset(), 10)
    assert taken.is_known(sent(dup=False))
    taken.again.add(key)
    # From now on the number is free again, also for an equal message.
    assert not taken.is_known(sent(dup=False))
    assert taken.is_known(sent(dup=True))
    carried = mqtt.Batch(frozenset(), frozenset({key}), 10)
    assert carried.is_known(sent(dup=True))
    assert not carried.is_known(sent(dup=False))
