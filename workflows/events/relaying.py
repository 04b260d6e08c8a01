"""Events on their way to a broker: what runs emit, also to whoever listens to MQTT.

They are written down together with the event, and sent afterwards: a broker that is away delays
neither runs nor the delivery to instances, and loses nothing. Each is sent at least once; within a
tenant they keep their order, but for those that the broker does not take: others overtake them.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import cached_property
from time import monotonic
from typing import Final
from uuid import uuid4

import structlog
from anyio import to_thread

from activities.asyncapi.connection import Broker, Connection, connected
from activities.logins.types import PlainLogin
from foundation.errors import MillwrightError, UnavailableError
from foundation.settings import MqttSettings
from security.egress import Egress
from workflows.events.outbox import LONGEST_PAUSE_S, Outbox, TurnLostError
from workflows.events.outgoing import Turn
from workflows.events.sending import Sending, Sent

log = structlog.get_logger()

EVERY_S: Final = 5.0
# A broker that confirms nothing for so long is away.
PATIENCE_S: Final = 20.0
TURN_S: Final = 30.0
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
        scheme = "mqtts" if settings.tls == "tls" else "mqtt"
        if settings.user is not None:
            secret = settings.password.get_secret_value() if settings.password else ""
            login = PlainLogin(scheme="basic", username=settings.user, secret=secret)
        broker = Broker(
            host=host,
            port=settings.port,
            address=await self._egress.own().address(scheme, host, settings.port),
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
    """Sends what runs have emitted. Any number of processes may: a tenant is one's at a time.

    Args:
        emitted: Set when there is something to send.
        patience_s: A broker that confirms nothing for so long is away.
    """

    def __init__(
        self,
        outbox: Outbox,
        emitted: asyncio.Event,
        link: BrokerLink,
        *,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._outbox = outbox
        self._emitted = emitted
        self._link = link
        self._patience_s = patience_s

    async def for_ever(self, every_s: float = EVERY_S) -> None:
        """Send until cancelled."""
        while True:
            self._emitted.clear()
            try:
                while await self.relay():
                    pass
            except UnavailableError as error:
                log.warning("events_not_relayed", why=error.message, again_in_s=every_s)
            except Exception:
                # Runs do not stop because something is wrong with what is told of them.
                log.exception("events_not_relayed", again_in_s=every_s)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._emitted.wait(), every_s)

    async def relay(self) -> bool:
        """Send what is due of one tenant; tell whether there was one.

        Raises:
            UnavailableError: When the database is away.
        """
        turn = await to_thread.run_sync(self._outbox.take)
        if turn is None:
            return False
        try:
            await self._use(turn)
        except TurnLostError:
            # What is under way may reach the broker twice.
            log.warning("events_turn_lost", tenant_id=turn.tenant_id)
        return True

    async def _use(self, turn: Turn) -> None:
        """Send for a while; then other tenants have their turns."""
        attempts, until = turn.attempts, monotonic() + TURN_S
        try:
            while monotonic() < until:
                async with self._link.connected() as connection:
                    sent = await self._send(connection, turn, until)
                if sent is None:
                    return
                attempts = 0 if sent.is_any_taken or sent.is_any_fault else attempts
                if sent.failure is not None and not sent.is_any_fault:
                    if sent.is_doubtful:
                        await self._later(turn, 1.0, attempts, sent.failure)
                        return
                    raise sent.failure
            await to_thread.run_sync(self._outbox.later, turn, 0.0, attempts)
        except MillwrightError as error:
            pause_s = min(2.0 ** min(attempts, _MAX_DOUBLINGS), LONGEST_PAUSE_S)
            await self._later(turn, pause_s, attempts + 1, error)

    async def _send(self, connection: Connection, turn: Turn, until: float) -> Sent | None:
        """Send until the broker does not take something; None when all that is due was sent."""
        sending = Sending(connection, self._link.settings, self._outbox, turn, self._patience_s)
        all_ = Sent()
        while batch := await to_thread.run_sync(self._outbox.next, turn):
            sent = await sending.send(batch)
            sent.is_any_taken |= all_.is_any_taken
            # A broker that refuses something may be about to break off the connection.
            if sent.failure is not None or sent.is_any_fault or monotonic() > until:
                return sent
            # So may one that has confirmed it: what comes next must not be blamed for that.
            if batch[0].alone and not await connection.settle(self._patience_s):
                return sent
            all_ = sent
        return None

    async def _later(
        self, turn: Turn, pause_s: float, attempts: int, error: MillwrightError
    ) -> None:
        await to_thread.run_sync(self._outbox.later, turn, pause_s, attempts)
        log.warning("broker_away", tenant_id=turn.tenant_id, why=error.message, again_in_s=pause_s)
