"""What tests of the relay share: events, settings, and a look into the tables."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, TypeAlias
from uuid import uuid4

from pydantic import SecretStr
from sqlalchemy import func, select, update

from deploy.local.ports import LOOPBACK
from foundation.database import Database
from foundation.settings import EgressSettings, MqttSettings
from tests.fixtures.mosquitto import PASSWORD, TLS_HOST, USER, Mosquitto
from workflows.events.models import EventRelay, OutgoingEvent
from workflows.events.relaying import Relay

ALLOWED: Final = EgressSettings(
    allow_networks=["127.0.0.0/8"], host_map={TLS_HOST: f"http://{LOOPBACK}"}
)
Relaying: TypeAlias = Callable[..., AbstractAsyncContextManager[Relay]]


def settings_of(broker: Mosquitto, **more: Any) -> MqttSettings:
    given = {
        "host": LOOPBACK,
        "port": broker.port,
        "tls": "none",
        "user": USER,
        "password": SecretStr(PASSWORD),
    }
    return MqttSettings(**{**given, **more})


def event(number: int, **more: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": uuid4().hex,
        "source": "/line/4",
        "type": "com.example.part",
        "data": {"n": number},
        **more,
    }


async def drained(relay: Relay) -> None:
    while await relay.relay():
        pass


def rows(database: Database, tenant: str) -> list[OutgoingEvent]:
    """What the broker has not got, in its order."""
    with database.session() as session:
        found = select(OutgoingEvent).where(OutgoingEvent.tenant_id == tenant)
        return list(session.scalars(found.order_by(OutgoingEvent.sequence)))


def left(database: Database, tenant: str) -> int:
    return len(rows(database, tenant))


def due(database: Database, tenant: str) -> int | None:
    """Let the tenant's turn come now, with all that waits; return how often nothing was sent."""
    with database.session() as session:
        session.execute(
            update(OutgoingEvent)
            .where(OutgoingEvent.tenant_id == tenant, OutgoingEvent.due_at.is_not(None))
            .values(due_at=func.now())
        )
        turn = (
            update(EventRelay)
            .where(EventRelay.tenant_id == tenant)
            .values(due_at=func.now())
            .returning(EventRelay.attempts)
        )
        return session.scalar(turn)
