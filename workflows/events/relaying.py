"""Events on their way to a broker: what runs emit, also to whoever listens to MQTT.

They are written down together with the event, and sent afterwards: a broker that is away delays
neither runs nor the delivery to instances, and loses nothing. Each is sent at least once; within a
tenant they keep their order.
"""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import cached_property
from typing import Final
from uuid import uuid4

import structlog
from anyio import to_thread

from activities.asyncapi.connection import Broker, Connection, connected
from activities.asyncapi.errors import BrokerRefusedError
from activities.http.errors import RequestError
from activities.logins.types import PlainLogin
from foundation.errors import MillwrightError, UnavailableError, UpstreamError
from foundation.settings import MqttSettings
from security.egress import Egress
from workflows.events.mqtt_binding import message_of
from workflows.events.repository import Outgoing
from workflows.events.service import Events

log = structlog.get_logger()

EVERY_S: Final = 5.0
# For one batch to be sent and confirmed.
PATIENCE_S: Final = 20.0
LONGEST_PAUSE_S: Final = 300.0
_MAX_DOUBLINGS: Final = 10


class BrokerLink:
    """The way to the broker of this installation.

    Args:
        egress: Checks where it leads.
        tls: How its certificate is checked; as the settings say when left out.
    """

    def __init__(
        self, egress: Egress, settings: MqttSettings, *, tls: ssl.SSLContext | None = None
    ) -> None:
        self.settings = settings
        self._egress = egress
        self._tls = tls
        self._name = f"mw{uuid4().hex[:21]}"

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Connection]:
        """Connect and log in.

        Raises:
            MillwrightError: When that is not possible, or not allowed.
        """
        settings, login = self.settings, None
        host = settings.host or ""
        if settings.user is not None:
            secret = settings.password.get_secret_value() if settings.password else ""
            login = PlainLogin(scheme="basic", username=settings.user, secret=secret)
        broker = Broker(
            host=host,
            port=settings.port,
            address=await self._egress.address(host, settings.port),
            tls=self._context if settings.tls == "tls" else None,
            is_5=settings.version == "5",
            login=login,
        )
        async with connected(broker, self._name, clean=True) as connection:
            yield connection

    @cached_property
    def _context(self) -> ssl.SSLContext:
        return self._tls or ssl.create_default_context(cafile=self.settings.ca_file)


class Relay:
    """Sends what runs have emitted. Any number of processes may: a tenant is one's at a time."""

    def __init__(self, events: Events, link: BrokerLink) -> None:
        self._events = events
        self._link = link

    async def for_ever(self, every_s: float = EVERY_S) -> None:
        """Send until cancelled."""
        outgoing = self._events.outgoing
        while True:
            outgoing.clear()
            try:
                while await self.relay():
                    pass
            except UnavailableError as error:
                log.warning("events_not_relayed", why=error.message, again_in_s=every_s)
            except Exception:
                # Runs do not stop because something is wrong with what is told of them.
                log.exception("events_not_relayed", again_in_s=every_s)
            with suppress(TimeoutError):
                await asyncio.wait_for(outgoing.wait(), every_s)

    async def relay(self) -> bool:
        """Send all that is due of one tenant; tell whether there was one.

        Raises:
            UnavailableError: When the database is away.
        """
        ledger = self._events.ledger
        taken = await to_thread.run_sync(ledger.relay)
        if taken is None:
            return False
        tenant_id, attempts = taken
        try:
            async with self._link.connected() as connection:
                while batch := await to_thread.run_sync(ledger.outgoing, tenant_id):
                    done, failure = await self._send(connection, tenant_id, batch)
                    if done:
                        attempts = 0
                        await to_thread.run_sync(ledger.sent, tenant_id, done)
                    if failure is not None:
                        raise failure
        except MillwrightError as error:
            await self._later(tenant_id, attempts, error)
        return True

    async def _send(
        self, connection: Connection, tenant_id: str, batch: Sequence[Outgoing]
    ) -> tuple[list[int], MillwrightError | None]:
        """Send events in their order.

        Returns:
            Those before the first that was not taken, and why that one was not.
        """
        try:
            async with asyncio.timeout(PATIENCE_S):
                ends = await asyncio.gather(
                    *(self._publish(connection, tenant_id, each) for each in batch)
                )
        except TimeoutError:
            return [], UpstreamError("The broker does not confirm what is sent to it.")
        done: list[int] = []
        for each, failure in zip(batch, ends, strict=True):
            if failure is not None:
                return done, failure
            done.append(each.sequence)
        return done, None

    async def _publish(
        self, connection: Connection, tenant_id: str, outgoing: Outgoing
    ) -> MillwrightError | None:
        settings = self._link.settings
        event = json.loads(outgoing.body)
        try:
            message = message_of(event, tenant_id, settings.prefix, is_5=settings.version == "5")
            await connection.publish(
                message.topic,
                message.payload,
                retain=False,
                headers=message.properties,
                content_type=message.content_type,
            )
        except (RequestError, BrokerRefusedError, ValueError) as error:
            if isinstance(error, BrokerRefusedError) and error.kind == "authorization":
                return error  # somebody may allow it
            # It would be refused again, and those behind it would wait in vain.
            log.error(  # noqa: TRY400 - the reason is all there is to know
                "event_refused_by_broker",
                tenant_id=tenant_id,
                source=event["source"],
                id=event["id"],
                why=str(error),
            )
        except MillwrightError as error:
            return error
        return None

    async def _later(self, tenant_id: str, attempts: int, error: MillwrightError) -> None:
        ledger, keep_s = self._events.ledger, self._link.settings.keep_s
        pause_s = min(2.0 ** min(attempts, _MAX_DOUBLINGS), LONGEST_PAUSE_S)
        lost = await to_thread.run_sync(
            ledger.relay_later, tenant_id, attempts + 1, pause_s, keep_s
        )
        log.warning("broker_away", tenant_id=tenant_id, why=error.message, again_in_s=pause_s)
        if lost:
            log.error("events_given_up", tenant_id=tenant_id, count=lost, after_s=keep_s)
