"""What runs emit reaches a broker: at least once, in order, whatever happens to the broker."""

import json
from queue import Queue
from typing import Any

import anyio.lowlevel
import pytest
from paho.mqtt.client import MQTTMessage
from pydantic import SecretStr
from temporalio.client import Client

from deploy.local.ports import LOOPBACK
from foundation.database import Database
from foundation.settings import EgressSettings
from tests.events.relays import ALLOWED, Relaying, drained, due, event, left, settings_of
from tests.fixtures.mosquitto import TLS_HOST, Mosquitto, wait_until
from workflows.events.service import Events

pytestmark = pytest.mark.anyio


async def test_attributes_are_properties_of_mqtt_5_and_the_data_is_the_payload(
    events: Events,
    relaying: Relaying,
    tenant: str,
    mosquitto: Mosquitto,
    received: "Queue[MQTTMessage]",
) -> None:
    given = event(1, line=4, hot=True)
    await events.emit(tenant, given)
    async with relaying(settings_of(mosquitto)) as relay:
        await drained(relay)
    message = received.get(timeout=30)
    assert message.topic == f"millwright/{tenant}/events/com.example.part"
    assert (json.loads(message.payload), message.qos) == ({"n": 1}, 1)
    properties: Any = message.properties
    assert properties.ContentType == "application/json"
    assert dict(properties.UserProperty) == {
        "specversion": "1.0",
        "id": given["id"],
        "source": "/line/4",
        "type": "com.example.part",
        "line": "4",
        "hot": "true",
    }


async def test_texts_and_bytes_are_sent_as_they_are(
    events: Events,
    relaying: Relaying,
    tenant: str,
    mosquitto: Mosquitto,
    received: "Queue[MQTTMessage]",
) -> None:
    text = event(1, data="jam", datacontenttype="text/plain")
    raw = {**event(2, data_base64="AAE="), "type": "a/b+#"}
    del raw["data"]
    bare = event(3)
    del bare["data"]
    await events.emit(tenant, text, raw, bare)
    async with relaying(settings_of(mosquitto, prefix="plant/7")) as relay:
        await drained(relay)
    messages = [received.get(timeout=30) for _ in range(3)]
    assert [each.payload for each in messages] == [b"jam", b"\x00\x01", b""]
    assert messages[1].topic == f"plant/7/{tenant}/events/a_b__"


async def test_with_mqtt_3_1_1_the_payload_is_the_whole_event(
    events: Events,
    relaying: Relaying,
    tenant: str,
    mosquitto: Mosquitto,
    received: "Queue[MQTTMessage]",
) -> None:
    given = event(1)
    await events.emit(tenant, given)
    async with relaying(settings_of(mosquitto, version="3.1.1")) as relay:
        await drained(relay)
    assert json.loads(received.get(timeout=30).payload) == given


async def test_the_broker_is_reached_over_tls_under_its_own_name(
    events: Events,
    relaying: Relaying,
    tenant: str,
    mosquitto: Mosquitto,
    received: "Queue[MQTTMessage]",
) -> None:
    await events.emit(tenant, event(1))
    settings = settings_of(mosquitto, host=TLS_HOST, port=mosquitto.tls_port, tls="tls")
    mapped = ALLOWED.model_copy(
        update={"host_map": {TLS_HOST: f"http://{LOOPBACK}:{mosquitto.tls_port}"}}
    )
    async with relaying(settings, egress=mapped, tls=mosquitto.tls()) as relay:
        await drained(relay)
    assert json.loads(received.get(timeout=30).payload) == {"n": 1}


async def test_a_broker_that_is_away_gets_everything_later_and_in_order(
    events: Events,
    relaying: Relaying,
    tenant: str,
    mosquitto: Mosquitto,
    received: "Queue[MQTTMessage]",
    shared_database: Database,
) -> None:
    mosquitto.kill()
    for number in range(250):
        await events.emit(tenant, event(number))
    async with relaying(settings_of(mosquitto)) as relay:
        await drained(relay)
        assert (left(shared_database, tenant), due(shared_database, tenant)) == (250, 1)
        # As long as they are on their way they are not swept.
        events.ledger.purge()
        mosquitto.start()
        wait_until(lambda: mosquitto.log().count("Sending SUBACK") > 1)
        assert due(shared_database, tenant) == 1
        await drained(relay)
    assert left(shared_database, tenant) == 0
    assert due(shared_database, tenant) is None
    numbers = [json.loads(received.get(timeout=30).payload)["n"] for _ in range(250)]
    assert numbers == list(range(250))


async def test_who_may_not_log_in_loses_nothing(
    events: Events, relaying: Relaying, tenant: str, mosquitto: Mosquitto, shared_database: Database
) -> None:
    await events.emit(tenant, event(1))
    async with relaying(settings_of(mosquitto, password=SecretStr("wrong"))) as relay:
        await drained(relay)
    assert left(shared_database, tenant) == 1
    async with relaying(settings_of(mosquitto), egress=EgressSettings()) as relay:
        due(shared_database, tenant)
        await drained(relay)
    assert (left(shared_database, tenant), due(shared_database, tenant)) == (1, 2)


async def test_events_from_outside_do_not_go_to_the_broker(
    events: Events, tenant: str, temporal: Client, shared_database: Database
) -> None:
    await events.publish(tenant, [event(1)])
    assert left(shared_database, tenant) == 0
    without = Events(events.ledger, temporal)
    await without.emit(tenant, event(2))
    assert left(shared_database, tenant) == 0


async def test_a_relay_sends_as_soon_as_something_was_emitted(
    events: Events,
    relaying: Relaying,
    tenant: str,
    mosquitto: Mosquitto,
    received: "Queue[MQTTMessage]",
) -> None:
    async with (
        relaying(settings_of(mosquitto)) as relay,
        anyio.create_task_group() as group,
    ):
        group.start_soon(relay.for_ever, 3600.0)
        for number in range(2):
            await anyio.lowlevel.checkpoint()
            await events.emit(tenant, event(number))
            message = await anyio.to_thread.run_sync(received.get)
            assert json.loads(message.payload) == {"n": number}
        group.cancel_scope.cancel()
