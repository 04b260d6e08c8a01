"""Send a message, keep a subscription, take its messages: each over a connection of its own.

A subscription is a session that the broker keeps. What a poll takes it does not acknowledge: its
connection ends, and the broker sends all of it again to the next one. By then the run has recorded
it, and the next poll is told so (`taken`): it acknowledges what comes again and takes what is new.
So a message is lost neither with a worker nor with a connection, and none is handed over twice.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from paho.mqtt.client import MQTTMessage
from pydantic_core import to_json

from activities.asyncapi.connection import Broker, Connection, connected
from activities.asyncapi.errors import MessageTooLargeError, SubscriptionLostError
from activities.asyncapi.message import decoded, encoded, key_of
from activities.asyncapi.types import AsyncApiPublish, Delivery
from activities.http.errors import CallUnansweredError, RequestError

# A run may rest over a long week-end; what nobody comes back for ends by itself (MQTT 5).
KEEP_S: Final = 7 * 24 * 3600
# After a message, others that are on their way come along.
LINGER_S: Final = 0.1
# Temporal keeps every poll for ever, and what is not processed goes on with the run.
MAX_BATCH_BYTES: Final = 200_000
_SETTLE_S: Final = 5.0


async def publish(
    broker: Broker, client_id: str, topic: str, message: AsyncApiPublish, *, retain: bool
) -> None:
    """Send a message; return when the broker has it.

    Raises:
        RequestError: When MQTT cannot carry it.
        UpstreamError: When the broker cannot be reached, refuses or does not answer.
    """
    if message.headers and not broker.is_5:
        raise RequestError(
            f"{broker.shown} speaks MQTT 3.1.1, which has no headers. Leave them out, or use a "
            "server that speaks mqtt5."
        )
    async with connected(broker, client_id, clean=True) as connection:
        await connection.publish(
            topic,
            encoded(message.payload),
            retain=retain,
            headers=list(message.headers.items()),
        )


async def subscribe(broker: Broker, session: str, topic: str, *, again: bool = False) -> None:
    """Make the broker keep messages for a session that begins now.

    Args:
        again: Nobody heard whether it has begun already. If so it goes on: who sends saw it begin,
            and may have sent what is not sent twice.

    Raises:
        UpstreamError: When the broker cannot be reached, refuses or does not answer.
    """
    if not again:
        await forget(broker, session)
    async with connected(broker, session, clean=False, keep_s=KEEP_S) as connection:
        await connection.subscribe(topic)


async def forget(broker: Broker, session: str) -> None:
    """Let the broker drop what it keeps for a session."""
    async with connected(broker, session, clean=True):
        pass


@dataclass
class Batch:
    """What one poll has come by.

    Attributes:
        taken: Keys that were never acknowledged.
        carried: Keys that were.
        deliveries: New messages.
        again: Keys that came again; they are acknowledged now.
        settled: The broker has read every acknowledgement.
    """

    taken: frozenset[str]
    carried: frozenset[str]
    limit: int
    deliveries: list[Delivery] = field(default_factory=list)
    again: set[str] = field(default_factory=set)
    size: int = 0
    full: bool = False
    settled: bool = False

    @property
    def unsettled(self) -> list[str]:
        """What may come again: all that did, since only its absence proves that it will not."""
        return sorted(self.again if self.settled else self.taken | self.carried)

    def is_known(self, message: MQTTMessage) -> bool:
        """Tell whether the run has recorded this delivery.

        While one is not acknowledged, no other can have its number. A broker that was killed may
        have forgotten that it has sent it, and not mark it as a repetition.
        """
        key = key_of(message)
        if key in self.taken and key not in self.again:
            return True
        return message.dup and key in self.taken | self.carried

    def add(self, message: MQTTMessage) -> None:
        """Take a new message, if there is room; what has none comes again.

        Raises:
            MessageTooLargeError: When it would not fit into any poll.
        """
        read = decoded(message)
        size = len(to_json(read))
        if size > MAX_BATCH_BYTES:
            raise MessageTooLargeError(
                f"A message on '{message.topic}' takes {size:,} bytes; {MAX_BATCH_BYTES:,} are "
                "allowed. Send a reference to the data instead of the data."
            )
        self.full = self.full or self.size + size > MAX_BATCH_BYTES
        if not self.full:
            key = key_of(message) if message.qos else ""
            self.deliveries.append(Delivery(key=key, message=read))
            self.size += size
        self.full = self.full or len(self.deliveries) >= self.limit


async def poll(
    broker: Broker,
    session: str,
    taken: Sequence[str],
    carried: Sequence[str],
    *,
    limit: int,
    wait_s: float,
    stop: "asyncio.Future[None]",
) -> Batch:
    """Acknowledge what was taken and take what is next.

    Raises:
        SubscriptionLostError: When the broker does not know the session any more.
        MessageTooLargeError: For a message that is larger than a poll may be.
        UpstreamError: When the broker cannot be reached, refuses or does not answer.
    """
    batch = Batch(frozenset(taken), frozenset(carried), limit)
    async with connected(
        # Room for all that comes again, so that it comes at once.
        broker,
        session,
        clean=False,
        keep_s=KEEP_S,
        window=limit + len(taken) + len(carried),
    ) as connection:
        if not connection.session_present:
            raise SubscriptionLostError(
                f"{broker.shown} no longer knows the subscription: it was restarted without "
                "keeping its sessions, or kept this one too long. Messages may have been missed."
            )
        try:
            await _fill(batch, connection, wait_s, stop)
        except CallUnansweredError:
            # What came before the break is as good as ever.
            if not batch.deliveries:
                raise
            return batch
        await _settle(batch, connection)
    return batch


async def close(broker: Broker, session: str, taken: Sequence[str], carried: Sequence[str]) -> None:
    """Acknowledge what was taken, and no more, then let the broker forget the session.

    What is not acknowledged the broker of a shared subscription may give to others.

    Raises:
        UpstreamError: When the broker cannot be reached, refuses or does not answer.
    """
    if taken or carried:
        batch = Batch(frozenset(taken), frozenset(carried), limit=0)
        async with connected(broker, session, clean=False) as connection:
            if connection.session_present:
                await _settle(batch, connection)
    await forget(broker, session)


async def _fill(
    batch: Batch, connection: Connection, wait_s: float, stop: "asyncio.Future[None]"
) -> None:
    loop = asyncio.get_running_loop()
    until = loop.time() + wait_s
    while not batch.full and (left := until - loop.time()) > 0:
        message = await connection.receive(left, stop)
        if message is None:
            return
        if not _known(batch, connection, message):
            batch.add(message)
            until = min(until, loop.time() + LINGER_S)


def _known(batch: Batch, connection: Connection, message: MQTTMessage) -> bool:
    """Acknowledge what the run has recorded; tell whether this was it."""
    if not batch.is_known(message):
        return False
    batch.again.add(key_of(message))
    connection.acknowledge(message)
    return True


async def _settle(batch: Batch, connection: Connection) -> None:
    """Find out what comes again, and be sure that the broker has read what was acknowledged.

    A broker sends again before it answers anything: what did not come by now will not.
    """
    batch.settled = await connection.settle(_SETTLE_S)
    came_late = [message for message in connection.waiting() if _known(batch, connection, message)]
    if came_late and not await connection.settle(_SETTLE_S):
        batch.settled = False
