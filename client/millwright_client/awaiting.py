"""The client for asyncio: every method is awaited, events are iterated with `async for`."""

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Coroutine
from types import TracebackType
from typing import Any, Generic, ParamSpec, Protocol, Self, TypeVar, assert_never, cast

import httpx

from millwright_client.calls import (
    accounts,
    approvals,
    egress,
    events,
    features,
    functions,
    instances,
    mcp,
    schedules,
    secrets,
    workflows,
)
from millwright_client.calls.accounts import credentials
from millwright_client.exchange import (
    Call,
    Chunks,
    Close,
    Effect,
    Emit,
    Flow,
    Lock,
    Read,
    Send,
    Session,
    Sleep,
    Streaming,
    Unlock,
)
from millwright_client.transport import options, request

P = ParamSpec("P")
T = TypeVar("T")


class Driver:
    """Performs effects, each on the running event loop."""

    def __init__(self, session: Session, http: httpx.AsyncClient) -> None:
        self.session = session
        self.http = http
        self._lock = asyncio.Lock()

    async def run(self, flow: Flow[T]) -> T:
        """Perform a flow to its end."""
        answer: Any = None
        error: BaseException | None = None
        while True:
            try:
                effect = flow.throw(error) if error else flow.send(answer)
            except StopIteration as done:
                return cast(T, done.value)
            answer, error = await self._outcome(effect)

    async def stream(self, flow: Streaming[T]) -> AsyncIterator[T]:
        """Perform a flow, yielding what it emits."""
        answer: Any = None
        error: BaseException | None = None
        while True:
            try:
                effect = flow.throw(error) if error else flow.send(answer)
            except StopIteration:
                return
            if isinstance(effect, Emit):
                answer, error = None, None
                try:
                    yield effect.value
                except GeneratorExit as left:
                    error = left  # whoever iterates has left; the flow closes what it opened
            else:
                answer, error = await self._outcome(effect)

    async def _outcome(self, effect: Effect) -> tuple[Any, BaseException | None]:
        try:
            return await self._perform(effect), None
        except BaseException as error:  # noqa: BLE001 - the flow decides, and cleans up
            return None, error

    async def _perform(self, effect: Effect) -> Any:
        match effect:
            case Call():
                return await self.run(self.session.exchange(effect))
            case Send():
                return await self._send(effect)
            case Sleep(seconds):
                await asyncio.sleep(seconds)
            case Lock():
                await self._lock.acquire()
            case Unlock():
                self._lock.release()
            case Chunks(response):
                return response.aiter_bytes()
            case Read(chunks):
                return await anext(chunks, None)
            case Close(response):
                await response.aclose()
            case _:
                assert_never(effect)
        return None

    async def _send(self, send: Send) -> httpx.Response:
        response = await self.http.send(request(self.http, send), stream=send.call.stream)
        if response.is_error:
            await response.aread()
        return response


class Driven(Protocol):
    """What has methods made of flows."""

    @property
    def driver(self) -> Driver: ...


class Method(Generic[P, T]):
    """A method made of a flow."""

    def __init__(self, flow: Callable[P, Flow[T]]) -> None:
        self._flow = flow
        self.__doc__ = flow.__doc__

    def __get__(
        self, resource: Driven, owner: object = None
    ) -> Callable[P, Coroutine[Any, Any, T]]:
        @functools.wraps(self._flow)
        async def method(*args: P.args, **kwargs: P.kwargs) -> T:
            return await resource.driver.run(self._flow(*args, **kwargs))

        return method


class Following(Generic[P, T]):
    """A method that iterates, made of a streaming flow."""

    def __init__(self, flow: Callable[P, Streaming[T]]) -> None:
        self._flow = flow
        self.__doc__ = flow.__doc__

    def __get__(self, resource: Driven, owner: object = None) -> Callable[P, AsyncIterator[T]]:
        @functools.wraps(self._flow)
        def method(*args: P.args, **kwargs: P.kwargs) -> AsyncIterator[T]:
            return resource.driver.stream(self._flow(*args, **kwargs))

        return method


class Resource:
    """Some methods of one client."""

    def __init__(self, driver: Driver) -> None:
        self.driver = driver


class AsyncWorkflows(Resource):
    """Definitions, and runs of them."""

    publish = Method(workflows.publish)
    validate = Method(workflows.validate)
    list = Method(workflows.list_)
    get = Method(workflows.get)
    versions = Method(workflows.versions)
    start = Method(workflows.start)
    wait = Method(instances.wait)
    events = Following(instances.events)


class AsyncInstances(Resource):
    """Runs."""

    get = Method(instances.get)
    list = Method(instances.list_)
    active = Method(instances.active)
    cancel = Method(instances.cancel)
    pause = Method(instances.pause)
    rerun = Method(instances.rerun)
    resume = Method(instances.resume)
    retry = Method(instances.retry)
    terminate = Method(instances.terminate)
    wait = Method(instances.wait)
    events = Following(instances.events)


class AsyncSchedules(Resource):
    """Runs that begin by themselves."""

    create = Method(schedules.create)
    list = Method(schedules.list_)
    get = Method(schedules.get)
    update = Method(schedules.update)
    delete = Method(schedules.delete)
    pause = Method(schedules.pause)
    resume = Method(schedules.resume)
    trigger = Method(schedules.trigger)
    backfill = Method(schedules.backfill)


class AsyncApprovals(Resource):
    """What waits for people, and their decisions."""

    list = Method(approvals.list_)
    get = Method(approvals.get)
    approve = Method(approvals.approve)
    reject = Method(approvals.reject)
    delegate = Method(approvals.delegate)
    make_link = Method(approvals.make_link)
    links = Method(approvals.links)
    revoke_link = Method(approvals.revoke_link)


class AsyncCloudEvents(Resource):
    """Events for the instances that wait for them."""

    publish = Method(events.publish)


class AsyncFeatures(Resource):
    """What an administrator has to enable for the tenant."""

    list = Method(features.list_)
    get = Method(features.get)
    put = Method(features.put)


class AsyncEgress(Resource):
    """Rules about the hosts that the tenant's requests go to."""

    get = Method(egress.get)
    put = Method(egress.put)
    check = Method(egress.check)


class AsyncSecrets(Resource):
    """What definitions log in with elsewhere."""

    put = Method(secrets.put)
    list = Method(secrets.list_)
    get = Method(secrets.get)
    delete = Method(secrets.delete)


class AsyncFunctions(Resource):
    """The tenant's own catalogue of functions."""

    publish = Method(functions.publish)
    list = Method(functions.list_)
    versions = Method(functions.versions)
    get = Method(functions.get)


class AsyncMcp(Resource):
    """MCP servers and their tools."""

    register_server = Method(mcp.register_server)
    import_server = Method(mcp.import_server)
    list_servers = Method(mcp.list_servers)
    get_server = Method(mcp.get_server)
    update_server = Method(mcp.update_server)
    remove_server = Method(mcp.remove_server)
    refresh_server = Method(mcp.refresh_server)
    authorize_server = Method(mcp.authorize_server)
    get_consent = Method(mcp.get_consent)
    remove_consent = Method(mcp.remove_consent)
    check_server = Method(mcp.check_server)
    list_health = Method(mcp.list_health)
    get_breaker = Method(mcp.get_breaker)
    put_breaker = Method(mcp.put_breaker)
    list_tools = Method(mcp.list_tools)
    find_tools = Method(mcp.find_tools)
    get_tool = Method(mcp.get_tool)
    list_tool_versions = Method(mcp.list_tool_versions)
    get_tool_policy = Method(mcp.get_tool_policy)
    put_tool_policy = Method(mcp.put_tool_policy)
    remove_tool_policy = Method(mcp.remove_tool_policy)
    list_drifts = Method(mcp.list_drifts)
    get_drift = Method(mcp.get_drift)
    accept_drift = Method(mcp.accept_drift)
    list_calls = Method(mcp.list_calls)
    call_tool = Method(mcp.call_tool)


class AsyncMillwright(Resource):
    """One installation of Millwright, as one user, for asyncio.

    Args:
        url: Where the API is, for example `http://127.0.0.1:8080`.
        token: Access token. `AsyncMillwright.login` gets one, and the next ones.
        timeout_s: Longest silence of the API within one answer.
        patience_s: How long to repeat what may be repeated while the API is away.
        transport: How requests travel, when not as httpx does by itself (a proxy, a test).
    """

    me = Method(accounts.me)
    wait = Method(instances.wait)
    events = Following(instances.events)

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        timeout_s: float = 30.0,
        patience_s: float = 10.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        http = httpx.AsyncClient(**options(url, timeout_s), transport=transport)
        super().__init__(Driver(Session(token, patience_s=patience_s), http))
        self.workflows = AsyncWorkflows(self.driver)
        self.instances = AsyncInstances(self.driver)
        self.schedules = AsyncSchedules(self.driver)
        self.approvals = AsyncApprovals(self.driver)
        self.cloud_events = AsyncCloudEvents(self.driver)
        self.functions = AsyncFunctions(self.driver)
        self.secrets = AsyncSecrets(self.driver)
        self.features = AsyncFeatures(self.driver)
        self.egress = AsyncEgress(self.driver)
        self.mcp = AsyncMcp(self.driver)

    @classmethod
    async def login(
        cls, url: str, email: str, password: str, *, tenant: str | None = None, **settings: Any
    ) -> Self:
        """Log in, and stay logged in: an expired access token is exchanged by itself.

        Args:
            tenant: Needed when the address is known in several.
            settings: As for `AsyncMillwright`.

        Raises:
            MillwrightApiError: When the API does not accept them.
        """
        client = cls(url, **settings)
        try:
            await client.driver.run(
                client.driver.session.log_in(credentials(email, password, tenant))
            )
        except BaseException:
            await client.close()
            raise
        return client

    @property
    def access_token(self) -> str | None:
        """The access token of this moment, for other programs; good for some minutes."""
        return self.driver.session.access_token

    async def close(self) -> None:
        """Close the connections."""
        await self.driver.http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()
