"""One connection to an MQTT broker: paho's network loop in its own thread, awaited from ours.

It does not reconnect. A broken connection is an error for whoever waits, and Temporal counts the
attempts.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from paho.mqtt.client import (
    Client,
    ConnectFlags,
    DisconnectFlags,
    MQTTMessage,
)
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from typing_extensions import override

from activities.asyncapi.errors import BrokerRefusedError, MessageTooLargeError
from activities.http.errors import (
    CallFailedError,
    CallUnansweredError,
    CallUnreachedError,
    RequestError,
)
from activities.logins.types import PlainLogin

# Brokers drop a client after one and a half of these without a sign of life, and so do we.
KEEP_ALIVE_S: Final = 20
# Of one packet from a broker; Python would reserve what it announces, up to 256 MB.
MAX_PACKET_BYTES: Final = 1024 * 1024
# A farewell is a courtesy: the connection is closed without it, too.
_FAREWELL_S: Final = 2.0
_CONNECT_S: Final = 5.0
_LOGIN_S: Final = 10.0
# Codes of MQTT 5; paho gives those of 3.1.1 as these, too.
_BAD_LOGIN: Final = frozenset({134, 135})
_NOT_AUTHORIZED: Final = 135
_NOT_NOW: Final = frozenset({136, 137, 151})

T = TypeVar("T")


@dataclass(frozen=True)
class Broker:
    """Where to connect and who to be there.

    Attributes:
        host: Its name, which its certificate must carry, and its port.
        address: What was checked, and is dialled.
        tls: How to check the certificate; None for a connection in the clear.
    """

    host: str
    port: int
    address: tuple[str, int]
    tls: ssl.SSLContext | None
    is_5: bool
    login: PlainLogin | None

    @property
    def shown(self) -> str:
        """Name it for people."""
        return f"{'mqtts' if self.tls else 'mqtt'}://{self.host}:{self.port}"


class _Client(Client):
    """Dials the checked address, whatever name or proxy there is, and bounds what it reads."""

    def __init__(self, broker: Broker, client_id: str, *, clean: bool) -> None:
        super().__init__(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=None if broker.is_5 else clean,
            protocol=MQTTProtocolVersion.MQTTv5 if broker.is_5 else MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        self.broker = broker
        self.failure: OSError | None = None
        self.too_large = False
        if broker.tls is not None:
            self.tls_set_context(broker.tls)
        if broker.login is not None:
            # Brokers that take tokens take them as the password.
            self.username_pw_set(broker.login.username, broker.login.secret)

    @override
    def reconnect(self) -> MQTTErrorCode:
        try:
            return super().reconnect()
        except OSError as error:
            self.failure = error
            raise

    @override
    def _create_socket_connection(self) -> socket.socket:
        return socket.create_connection(self.broker.address, timeout=_CONNECT_S)

    @override
    def _ssl_wrap_socket(self, tcp_sock: socket.socket) -> ssl.SSLSocket:
        # paho's own leaves the socket open when the certificate is wrong.
        context = self.broker.tls
        assert context is not None  # noqa: S101 - the context was set because there is one
        wrapped = context.wrap_socket(
            tcp_sock, server_hostname=self.broker.host, do_handshake_on_connect=False
        )
        try:
            wrapped.settimeout(_CONNECT_S)
            wrapped.do_handshake()
        except BaseException:
            wrapped.close()
            raise
        return wrapped

    @override
    def _sock_recv(self, bufsize: int) -> bytes:
        if bufsize > MAX_PACKET_BYTES:
            self.too_large = True
            raise ConnectionError("The packet is too large")
        return super()._sock_recv(bufsize)


@asynccontextmanager
async def connected(
    broker: Broker,
    client_id: str,
    *,
    clean: bool,
    keep_s: int = 0,
    window: int | None = None,
) -> AsyncIterator["Connection"]:
    """Connect, and disconnect after the block.

    Args:
        broker: Where to, and who as.
        client_id: What the broker keeps the session under.
        clean: Forget what the broker has kept, and with 3.1.1 keep nothing.
        keep_s: How long it keeps the session afterwards (MQTT 5; 3.1.1 does not say).
        window: At most so many messages that are not acknowledged (MQTT 5).

    Raises:
        CallUnreachedError: When there is no connection.
        BrokerRefusedError: When the broker does not let us in.
    """
    connection = Connection(broker, client_id, clean=clean)
    try:
        await connection.open(clean=clean, keep_s=keep_s, window=window)
        yield connection
    finally:
        await connection.close()


class Connection:
    """A connection that is up.

    Attributes:
        session_present: The broker has kept the session from an earlier connection.
    """

    def __init__(self, broker: Broker, client_id: str, *, clean: bool) -> None:
        self.broker = broker
        self.session_present = False
        self._loop = asyncio.get_running_loop()
        self._client = client = _Client(broker, client_id, clean=clean)
        self._opened: asyncio.Future[tuple[bool, ReasonCode]] = self._loop.create_future()
        self._closed: asyncio.Future[None] = self._loop.create_future()
        self._leaving = False
        self._received: asyncio.Queue[MQTTMessage] = asyncio.Queue()
        self._answers: dict[int, asyncio.Future[Sequence[ReasonCode]]] = {}
        # Called in the network's thread, and only hand over to ours.
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_answer
        client.on_unsubscribe = self._on_answer

    async def open(self, *, clean: bool, keep_s: int, window: int | None) -> None:
        """Connect and log in."""
        properties = None
        if self.broker.is_5:
            properties = Properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = keep_s
            if window is not None:
                properties.ReceiveMaximum = window
        self._client.connect_async(
            self.broker.host,
            self.broker.port,
            KEEP_ALIVE_S,
            clean_start=clean if self.broker.is_5 else 3,
            properties=properties,
        )
        self._client.loop_start()
        try:
            async with asyncio.timeout(_LOGIN_S):
                self.session_present, reason = await self._unless_closed(self._opened)
        except TimeoutError as error:
            raise CallUnreachedError(f"{self.broker.shown} does not answer.") from error
        if reason.is_failure:
            raise self._refused(reason)

    async def close(self) -> None:
        """Say good-bye and wait a moment until the thread has done it."""
        self._leaving = True
        self._client.disconnect()
        with suppress(TimeoutError):
            async with asyncio.timeout(_FAREWELL_S):
                await asyncio.shield(self._closed)

    async def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        retain: bool,
        headers: Sequence[tuple[str, str]],
        content_type: str = "application/json",
    ) -> None:
        """Send with QoS 1 and wait until the broker has it.

        Args:
            headers: And `content_type`: sent with MQTT 5 only.

        Raises:
            RequestError: When it is no message that MQTT can carry.
            BrokerRefusedError: When the broker does not take it (only MQTT 5 says so).
        """
        properties = None
        if self.broker.is_5:
            properties = Properties(PacketTypes.PUBLISH)
            if content_type:
                properties.ContentType = content_type
            properties.UserProperty = list(headers)
        try:
            info = self._client.publish(topic, payload, 1, retain, properties)
        except ValueError as error:
            raise RequestError(f"'{topic}' at {self.broker.shown}: {error}.") from error
        (reason,) = await self._answer(info.mid)
        if reason.is_failure:
            raise self._refused(reason, f"the message to '{topic}'")

    async def subscribe(self, topic: str) -> None:
        """Subscribe with QoS 1.

        Raises:
            RequestError: When it is no filter that MQTT knows.
            BrokerRefusedError: When the broker does not grant it.
        """
        try:
            _, mid = self._client.subscribe(topic, 1)
        except ValueError as error:
            raise RequestError(f"'{topic}' at {self.broker.shown}: {error}.") from error
        (reason,) = await self._answer(mid)
        if reason.is_failure:
            raise self._refused(reason, f"the subscription to '{topic}'")
        if reason.value == 0:
            raise BrokerRefusedError(
                f"{self.broker.shown} grants '{topic}' with QoS 0 only. Messages would be lost "
                "between two polls; let the broker grant QoS 1."
            )

    def acknowledge(self, message: MQTTMessage) -> None:
        """Let the broker forget a message."""
        self._client.ack(message.mid, message.qos)

    async def settle(self, seconds: float) -> bool:
        """Wait until the broker has read all acknowledgements; tell whether it has.

        MQTT does not confirm them. A broker answers in order, so any answered request does.
        """
        _, mid = self._client.unsubscribe("millwright/nothing")
        try:
            async with asyncio.timeout(seconds):
                await self._answer(mid)
        except (TimeoutError, CallUnansweredError, MessageTooLargeError):
            return False
        return True

    async def receive(self, seconds: float, stop: "asyncio.Future[None]") -> MQTTMessage | None:
        """Return the next message; None when there is none in time, or when told to stop."""
        if not self._received.empty():
            return self._received.get_nowait()
        getting = asyncio.ensure_future(self._received.get())
        try:
            awaited: list[asyncio.Future[Any]] = [getting, stop, self._closed]
            await asyncio.wait(awaited, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if getting.done():
                return getting.result()
        finally:
            getting.cancel()
        self._check_open()
        return None

    def waiting(self) -> Iterator[MQTTMessage]:
        """Go through what has come and was not received."""
        while not self._received.empty():
            yield self._received.get_nowait()

    async def _answer(self, mid: int | None) -> Sequence[ReasonCode]:
        if mid is None:
            raise CallUnansweredError(f"{self.broker.shown}: connection lost.", retryable=True)
        # Before anything can be awaited: answers are handed over by the loop.
        answer = self._answers[mid] = self._loop.create_future()
        return await self._unless_closed(answer)

    async def _unless_closed(self, future: "asyncio.Future[T]") -> T:
        awaited: list[asyncio.Future[Any]] = [future, self._closed]
        await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
        if not future.done():
            self._check_open()
        return future.result()

    def _check_open(self) -> None:
        if not self._closed.done():
            return
        if self._client.too_large:
            raise MessageTooLargeError(
                f"{self.broker.shown} sent a message of more than {MAX_PACKET_BYTES:,} bytes. It "
                "was not taken. Send a reference to the data instead of the data."
            )
        failure = self._client.failure
        if isinstance(failure, ssl.SSLCertVerificationError):
            raise CallFailedError(
                f"{self.broker.shown}: its certificate is not valid for it "
                f"({failure.verify_message}).",
                title="The certificate is not valid",
            )
        if not self._opened.done():
            raise CallUnreachedError(f"{self.broker.shown}: no connection ({failure or 'closed'}).")
        raise CallUnansweredError(f"{self.broker.shown}: the connection broke.", retryable=True)

    def _refused(self, reason: ReasonCode, what: str = "the connection") -> Exception:
        text = f"{self.broker.shown} refused {what}: {reason.getName()}."
        if reason.value in _NOT_NOW:
            return CallUnreachedError(text)
        if reason.value not in _BAD_LOGIN:
            return BrokerRefusedError(text)
        is_login = what == "the connection"
        return BrokerRefusedError(text, kind="authentication" if is_login else "authorization")

    # --- In the thread of the network ------------------------------------------------------------

    def _post(self, call: Callable[..., object], *args: object) -> None:
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(call, *args)

    def _on_connect(
        self, client: Client, _: Any, flags: ConnectFlags, reason: ReasonCode, *_more: Any
    ) -> None:
        if self._leaving:  # nobody waited for so long
            client.disconnect()
        self._post(_settle, self._opened, (flags.session_present, reason))

    def _on_connect_fail(self, client: Client, _: Any) -> None:
        client.disconnect()  # or it would try again
        self._post(_settle, self._closed, None)

    def _on_disconnect(self, _client: Client, _: Any, _flags: DisconnectFlags, *_more: Any) -> None:
        self._post(_settle, self._closed, None)

    def _on_message(self, _client: Client, _: Any, message: MQTTMessage) -> None:
        self._post(self._received.put_nowait, message)

    def _on_publish(
        self, _client: Client, _: Any, mid: int, reason: ReasonCode, *_more: Any
    ) -> None:
        self._post(self._answered, mid, [reason])

    def _on_answer(
        self, _client: Client, _: Any, mid: int, reasons: Sequence[ReasonCode], *_more: Any
    ) -> None:
        self._post(self._answered, mid, reasons)

    # --- And handed over -------------------------------------------------------------------------

    def _answered(self, mid: int, reasons: Sequence[ReasonCode]) -> None:
        if mid in self._answers:
            _settle(self._answers.pop(mid), reasons)


def _settle(future: "asyncio.Future[T]", value: T) -> None:
    if not future.done():
        future.set_result(value)
