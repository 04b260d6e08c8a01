"""The simple dialect: `POST {url}/mcp/tools/call` with `{"method": <tool>, "params": <arguments>}`.

The answer is the result itself, as JSON. There is no listing of tools, no progress, no session.
"""

import json

import anyio
import httpx2
from pydantic import ConfigDict, RootModel

from foundation.errors import InvalidInputError, MillwrightError
from foundation.json import JsonObject, JsonValue
from security.egress import Egress
from toolhub.wire.exchange import Destination, Exchange, Message, UnreadableAnswerError
from toolhub.wire.query_keys import KeyedTransport
from toolhub.wire.watch import Watch, WatchedTransport


class _Answer(RootModel[JsonValue]):
    # Numbers that are none, or too large for one, are spelled so by some and read so by us.
    model_config = ConfigDict(allow_inf_nan=False)


class SeedHttp:
    """The adapter for servers that speak the simple dialect."""

    def __init__(self, egress: Egress) -> None:
        self._egress = egress

    async def send(self, to: Destination, message: Message) -> Exchange:
        """Call one tool; the answer is put into the shape of an MCP result.

        Raises:
            InvalidInputError: For anything but a tool call.
        """
        if message.method != "tools/call":
            raise InvalidInputError(f"'{to.label}' cannot answer '{message.method}', only calls.")
        call = {"method": message.params["name"], "params": message.params["arguments"]}
        watch = Watch()
        answer: httpx2.Response | None = None
        with anyio.move_on_after(message.timeout_s) as scope:
            try:
                answer = await self._post(to, message, call, watch)
            except (httpx2.HTTPError, MillwrightError) as fault:
                watch.broke(fault)
        result = _result(answer, watch) if answer is not None else None
        return Exchange(
            result=result,
            requested=True,
            status=watch.status,
            content_type=watch.content_type,
            retry_after=watch.retry_after,
            www_authenticate=watch.www_authenticate,
            location=watch.location,
            fault=watch.fault,
            timed_out=scope.cancelled_caught,
        )

    async def _post(
        self, to: Destination, message: Message, call: JsonObject, watch: Watch
    ) -> httpx2.Response:
        way = await self._egress.of(to.tenant_id)
        transport = way.transport(max_bytes=message.max_bytes)
        keyed = KeyedTransport(transport, to.endpoint, to.query)
        async with httpx2.AsyncClient(
            transport=WatchedTransport(keyed, watch),
            headers={
                "Accept": "application/json",
                **to.plain_headers,
                **message.headers,
                **to.headers,
            },
            timeout=way.timeout(message.timeout_s),
            trust_env=False,
        ) as http:
            return await http.post(to.endpoint, json=call)


def _result(answer: httpx2.Response, watch: Watch) -> JsonObject | None:
    if not answer.is_success:
        return None
    try:
        value = _Answer.model_validate(json.loads(answer.content)).root
    except (ValueError, RecursionError):
        watch.broke(UnreadableAnswerError("the answer is not JSON"))
        return None
    return {"content": [], "structuredContent": value}
