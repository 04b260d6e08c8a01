"""`asyncapi-publish`, `-subscribe`, `-poll`, `-close`: read the document, hand over to a protocol.

Over MQTT nothing is refused because an earlier attempt may have reached the broker: with QoS 1 a
message arrives at least once, with us or without, and all else can be repeated. HTTP is as careful
as in `call: http`.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import cached_property
from typing import Any, Final, TypeVar
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
from activities.http.descriptions import Descriptions
from activities.http.errors import CallUnansweredError
from activities.http.exchange import exchange, refuse_repetition
from activities.http.types import HttpCall
from activities.logins.authenticator import Authenticator
from activities.logins.types import PlainLogin, ReadyLogin
from activities.patience import way_out
from activities.types import ActivityResult
from activities.work import Opener, Work, working
from foundation.apart import apart
from foundation.json import JsonObject, digest
from security.authority.errors import LoginError
from security.egress import Egress
from security.mask import Mask

T = TypeVar("T")

# A client id that every broker takes has at most 23 letters and digits.
_ID_CHARS: Final = 21


class AsyncApiActivities:
    """Activities over one guarded way out.

    Args:
        tls: How certificates of brokers are checked; as the system does when left out.
    """

    def __init__(
        self,
        egress: Egress,
        opener: Opener,
        logins: Authenticator,
        *,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.opener = opener
        self.logins = logins
        self.egress = egress
        self.descriptions = Descriptions(egress, ASYNCAPI)
        self._tls = tls

    @activity.defn(name="asyncapi-publish")
    async def publish(self, call: AsyncApiPublish) -> ActivityResult:
        """Send one message."""
        async with working(self.opener, call) as work:
            request = work.request
            address = await self._address(work, "publish")
            if address.protocol == "http":
                await self._post(work, address)
                return await work.result(None)

            async def publish(broker: Broker) -> None:
                topic = address.to_publish(request)
                async with _within(request.timeout_s, broker):
                    await mqtt.publish(broker, _own_id(), topic, request, retain=address.retain)

            await self._with_broker(work, address, publish)
            return await work.result(None)

    @activity.defn(name="asyncapi-subscribe")
    async def subscribe(self, call: AsyncApiConsume) -> ActivityResult:
        """Begin a subscription."""
        async with working(self.opener, call) as work:
            request, again = work.request, activity.info().attempt > 1
            address = await self._address(work, "subscribe")

            async def subscribe(broker: Broker) -> None:
                topic = address.to_subscribe()
                async with _within(request.timeout_s, broker):
                    await mqtt.subscribe(broker, _id(request.session), topic, again=again)

            await self._with_broker(work, address, subscribe)
            return await work.result(None)

    @activity.defn(name="asyncapi-poll")
    async def poll(self, call: AsyncApiConsume) -> Polled:
        """Take the next messages of a subscription."""
        async with working(self.opener, call) as work:
            request = work.request

            async def poll(broker: Broker) -> mqtt.Batch:
                patience_s = request.wait_s + request.timeout_s
                async with _within(patience_s, broker), _stopping() as stop:
                    return await mqtt.poll(
                        broker,
                        _id(request.session),
                        request.taken,
                        request.carried,
                        limit=request.limit,
                        wait_s=request.wait_s,
                        stop=stop,
                    )

            address = await self._address(work, "subscribe")
            batch = await self._with_broker(work, address, poll)
            return Polled(
                deliveries=await _masked(batch.deliveries, work.mask),
                carried=batch.unsettled,
                attempts=activity.info().attempt,
            )

    @activity.defn(name="asyncapi-close")
    async def close(self, call: AsyncApiConsume) -> ActivityResult:
        """End a subscription."""
        async with working(self.opener, call) as work:
            request = work.request

            async def close(broker: Broker) -> None:
                async with _within(request.timeout_s, broker):
                    await mqtt.close(broker, _id(request.session), request.taken, request.carried)

            await self._with_broker(work, await self._address(work, "subscribe"), close)
            return await work.result(None)

    async def _address(self, work: Work[Any], verb: Verb) -> Address:
        call: AsyncApiCall = work.request
        await way_out(self.egress, call.tenant_id)

        async def read(login: ReadyLogin | None) -> JsonObject:
            return await self.descriptions.read(
                call.tenant_id, call.document_uri, login, call.timeout_s
            )

        document = await self.logins.logged_in(work, call.document_login, read)
        return address_of(document, call, verb)

    async def _with_broker(
        self, work: Work[Any], address: Address, action: Callable[[Broker], Awaitable[T]]
    ) -> T:
        """Do something with a broker, logged in."""
        way = await way_out(self.egress, work.request.tenant_id)
        scheme = "mqtts" if address.tls else "mqtt"
        checked = await way.address(scheme, address.host, address.port)

        async def act(login: ReadyLogin | None) -> T:
            if login is not None and not isinstance(login, PlainLogin):
                raise LoginError(f"'{login.scheme}' cannot be used with brokers.")
            broker = Broker(
                host=address.host,
                port=address.port,
                address=checked,
                tls=self._context if address.tls else None,
                is_5=address.protocol == "mqtt5",
                login=login,
            )
            return await action(broker)

        return await self.logins.logged_in(work, work.request.login, act)

    @cached_property
    def _context(self) -> ssl.SSLContext:
        return self._tls or ssl.create_default_context()  # 25 ms: once per process

    async def _post(self, work: Work[AsyncApiPublish], address: Address) -> None:
        call = work.request
        path = quote(address.to_publish(call), safe="/?=&%:@~")
        scheme = "https" if address.tls else "http"
        host = f"[{address.host}]" if ":" in address.host else address.host
        request = HttpCall(
            tenant_id=call.tenant_id,
            method=address.method,
            uri=f"{scheme}://{host}:{address.port}{address.path}/{path.removeprefix('/')}",
            headers=call.headers,
            body=call.payload,
            timeout_s=call.timeout_s,
        )
        refuse_repetition(request, maybe_sent=work.beat.lost)

        async def send(login: ReadyLogin | None) -> None:
            work.beat.now_sent()
            await exchange(self.egress, request.model_copy(update={"login": login}))

        await self.logins.logged_in(work, call.login, send)


async def _masked(deliveries: Sequence[Delivery], mask: Mask) -> list[Delivery]:
    def masked() -> list[Delivery]:
        return [
            each.model_copy(update={"message": mask.value(each.message)}) for each in deliveries
        ]

    return await apart([each.message for each in deliveries], masked)


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
