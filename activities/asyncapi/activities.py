"""`asyncapi-publish`, `-subscribe`, `-poll`, `-close`: read the document, hand over to a protocol.

Over MQTT nothing is refused because an earlier attempt may have reached the broker: with QoS 1 a
message arrives at least once, with us or without, and all else can be repeated. HTTP is as careful
as in `call: http`.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cached_property
from typing import Final
from urllib.parse import quote

from temporalio import activity

from activities.asyncapi import mqtt
from activities.asyncapi.connection import Broker
from activities.asyncapi.document import ASYNCAPI, Address, Verb, address_of
from activities.asyncapi.types import (
    AsyncApiCall,
    AsyncApiConsume,
    AsyncApiPublish,
    Delivery,
    Polled,
)
from activities.heartbeat import Beat
from activities.http.descriptions import Descriptions
from activities.http.errors import CallUnansweredError
from activities.http.exchange import exchange, refuse_repetition
from activities.http.types import HttpCall
from activities.types import ActivityResult
from activities.work import Mask, Opener, working
from foundation.json import digest
from security.egress import Egress

# A client id that every broker takes has at most 23 letters and digits.
_ID_CHARS: Final = 21


class AsyncApiActivities:
    """Activities over one guarded way out.

    Args:
        tls: How certificates of brokers are checked; as the system does when left out.
    """

    def __init__(
        self, egress: Egress, opener: Opener, *, tls: ssl.SSLContext | None = None
    ) -> None:
        self.opener = opener
        self.egress = egress
        self.descriptions = Descriptions(egress, ASYNCAPI)
        self._tls = tls

    @activity.defn(name="asyncapi-publish")
    async def publish(self, call: AsyncApiPublish) -> ActivityResult:
        """Send one message."""
        async with working(self.opener, call) as work:
            request = work.request
            address = await self._address(request, "publish")
            if address.protocol == "http":
                await self._post(request, address, work.beat)
            else:
                broker = await self._broker(request, address)
                topic = address.to_publish(request)
                async with _within(request.timeout_s, broker):
                    await mqtt.publish(broker, _own_id(), topic, request, retain=address.retain)
            return work.result(None)

    @activity.defn(name="asyncapi-subscribe")
    async def subscribe(self, call: AsyncApiConsume) -> ActivityResult:
        """Begin a subscription."""
        async with working(self.opener, call) as work:
            request = work.request
            address = await self._address(request, "subscribe")
            broker = await self._broker(request, address)
            async with _within(request.timeout_s, broker):
                await mqtt.subscribe(broker, _id(request.session), address.to_subscribe())
            return work.result(None)

    @activity.defn(name="asyncapi-poll")
    async def poll(self, call: AsyncApiConsume) -> Polled:
        """Take the next messages of a subscription."""
        async with working(self.opener, call) as work:
            request = work.request
            broker = await self._broker(request, await self._address(request, "subscribe"))
            async with _within(request.wait_s + request.timeout_s, broker), _stopping() as stop:
                batch = await mqtt.poll(
                    broker,
                    _id(request.session),
                    request.taken,
                    limit=request.limit,
                    wait_s=request.wait_s,
                    stop=stop,
                )
            return Polled(
                deliveries=[_masked(each, work.mask) for each in batch.deliveries],
                carried=batch.carried,
                attempts=activity.info().attempt,
            )

    @activity.defn(name="asyncapi-close")
    async def close(self, call: AsyncApiConsume) -> ActivityResult:
        """End a subscription."""
        async with working(self.opener, call) as work:
            request = work.request
            broker = await self._broker(request, await self._address(request, "subscribe"))
            async with _within(request.timeout_s, broker):
                await mqtt.close(broker, _id(request.session), request.taken)
            return work.result(None)

    async def _address(self, call: AsyncApiCall, verb: Verb) -> Address:
        document = await self.descriptions.read(
            call.tenant_id, call.document_uri, call.document_login, call.timeout_s
        )
        return address_of(document, call, verb)

    async def _broker(self, call: AsyncApiCall, address: Address) -> Broker:
        return Broker(
            host=address.host,
            port=address.port,
            address=await self.egress.address(address.host, address.port),
            tls=self._context if address.tls else None,
            is_5=address.protocol == "mqtt5",
            login=call.login,
        )

    @cached_property
    def _context(self) -> ssl.SSLContext:
        return self._tls or ssl.create_default_context()  # 25 ms: once per process

    async def _post(self, call: AsyncApiPublish, address: Address, beat: Beat) -> None:
        path = quote(address.to_publish(call), safe="/?=&%:@~")
        scheme = "https" if address.tls else "http"
        host = f"[{address.host}]" if ":" in address.host else address.host
        request = HttpCall(
            tenant_id=call.tenant_id,
            method=address.method,
            uri=f"{scheme}://{host}:{address.port}{address.path}/{path.removeprefix('/')}",
            headers=call.headers,
            body=call.payload,
            login=call.login,
            timeout_s=call.timeout_s,
        )
        refuse_repetition(request, maybe_sent=beat.lost)
        beat.now_sent()
        await exchange(self.egress, request)


def _masked(delivery: Delivery, mask: Mask) -> Delivery:
    message = mask.value(delivery.message)
    return delivery.model_copy(update={"message": message})


def _id(name: str) -> str:
    return f"mw{digest(name)[:_ID_CHARS]}"


def _own_id() -> str:
    """Name this activity: its next attempt ends what the broker keeps of this one."""
    info = activity.info()
    return _id(digest([info.workflow_id, info.workflow_run_id, info.activity_id]))


@asynccontextmanager
async def _within(seconds: float, broker: Broker) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise CallUnansweredError(
            f"{broker.shown}: no answer within {seconds:g} s.", retryable=True, kind="timeout"
        ) from error


@asynccontextmanager
async def _stopping() -> AsyncIterator["asyncio.Future[None]"]:
    """Give a future that is done as soon as this worker is asked to stop."""
    stop = asyncio.ensure_future(activity.wait_for_worker_shutdown())
    try:
        yield stop
    finally:
        stop.cancel()
