"""A desk with a relay, and somebody who listens at the broker."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from queue import Queue
from typing import Any

import pytest
from paho.mqtt.client import Client as Subscriber
from paho.mqtt.client import MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from sqlalchemy import delete
from temporalio.client import Client

from deploy.local.ports import LOOPBACK
from foundation.database import Database
from foundation.settings import MqttSettings
from security.egress import UNRULED, Egress
from tests.events.relays import ALLOWED, Relaying
from tests.fixtures.mosquitto import PASSWORD, USER, Mosquitto
from workflows.events.ledger import Ledger
from workflows.events.models import EventRelay, OutgoingEvent
from workflows.events.outbox import Outbox
from workflows.events.relaying import PATIENCE_S, BrokerLink, Relay
from workflows.events.service import Events


@pytest.fixture
def events(shared_database: Database, temporal: Client) -> Events:
    return Events(Ledger(shared_database, timedelta(0), timedelta(0)), temporal, broker=True)


@pytest.fixture
def relaying(shared_database: Database, events: Events) -> Relaying:
    """Make relays; what tests before this one have left is not for its broker."""
    with shared_database.session() as session:
        session.execute(delete(OutgoingEvent))
        session.execute(delete(EventRelay))

    @asynccontextmanager
    async def relaying(
        settings: MqttSettings, *, patience_s: float = PATIENCE_S, **more: Any
    ) -> AsyncIterator[Relay]:
        egress = Egress(more.pop("egress", ALLOWED), UNRULED)
        link = BrokerLink(egress, settings, **more)
        yield Relay(Outbox(shared_database), events.outgoing, link, patience_s=patience_s)
        await egress.aclose()

    return relaying


@pytest.fixture
def received(mosquitto: Mosquitto, tenant: str) -> Iterator["Queue[MQTTMessage]"]:
    """What the broker hands on of the tenant, also what came while nobody was connected."""
    found: Queue[MQTTMessage] = Queue()
    subscriber = Subscriber(
        CallbackAPIVersion.VERSION2, "watch", protocol=MQTTProtocolVersion.MQTTv5
    )
    subscriber.username_pw_set(USER, PASSWORD)
    subscriber.on_message = lambda _client, _data, message: found.put(message)
    topics = [(f"{above}/{tenant}/#", 1) for above in ("+", "+/+")]
    subscriber.on_connect = lambda client, *_: client.subscribe(topics)
    ready: Queue[bool] = Queue()
    subscriber.on_subscribe = lambda *_: ready.put(True)
    subscriber.reconnect_delay_set(1, 1)
    subscriber.connect(LOOPBACK, mosquitto.port)
    subscriber.loop_start()
    ready.get(timeout=30)
    yield found
    subscriber.disconnect()
    subscriber.loop_stop()
