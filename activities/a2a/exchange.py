"""One request to an agent and its answer: a JSON-RPC result, or a stream of them.

By hand over our own way out and not with the client of a2a-sdk: that one brings its own HTTP stack
(httpx) past the egress guard, and reads answers into protocol buffers, which drop what they do not
know; the language wants the result as it is.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final, NoReturn, TypeAlias

import httpx2

from activities.a2a.card import Agent
from activities.a2a.errors import (
    A2aError,
    AgentFailedError,
    AgentNotAskedError,
    AgentRefusedError,
    AgentUnansweredError,
    AgentUnreachedError,
    MessageError,
)
from activities.a2a.protocol import READS, STREAMS
from activities.a2a.stream import Results
from activities.a2a.types import A2aCall
from activities.http.exchange import retry_after
from activities.logins.types import authorization
from foundation.errors import MillwrightError
from foundation.json import JsonObject, JsonValue
from security.egress import Egress

# Told after each result of a stream.
Told: TypeAlias = Callable[[Results], None]

# A stream is for progress; whoever has more to say sends it in larger pieces.
MAX_RESULTS: Final = 1_000
# Of an agent's own words; history keeps them for ever.
_SHOWN_CHARS: Final = 300
_NOT_NOW: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
_GATEWAY: Final = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT})
_STREAM: Final = "text/event-stream"
# HTTP statuses that say what the codes of JSON-RPC and of A2A say (A2A 1.0, "Error mapping").
_STATUS_OF_CODE: Final[Mapping[int, int]] = {
    -32700: 400,
    -32600: 400,
    -32601: 404,
    -32602: 400,
    -32603: 500,
    -32001: 404,  # no such task
    -32002: 409,  # the task cannot be cancelled any more
    -32003: 400,  # no push notifications
    -32004: 400,  # not supported
    -32005: 415,  # content type
    -32006: 502,  # the agent's answer is invalid
    -32007: 400,  # no extended card
    -32008: 400,  # an extension is needed
    -32009: 400,  # version
}


@dataclass(frozen=True)
class AgentRequest:
    """What is sent.

    Attributes:
        method: As the language calls it.
        host: For messages.
    """

    tenant_id: str
    url: str
    host: str
    method: str
    body: JsonObject
    timeout_s: float
    headers: Mapping[str, str] = field(repr=False)

    @property
    def repeatable(self) -> bool:
        """Asking twice does what asking once does."""
        return self.method in READS

    @property
    def streams(self) -> bool:
        """The answer is a list of results."""
        return self.method in STREAMS


def request_for(call: A2aCall, agent: Agent, message_id: str) -> AgentRequest:
    """Make the request of a call.

    Raises:
        MessageError: When the parameters make none.
    """
    accepted = _STREAM if call.method in STREAMS else "application/json"
    headers = {"accept": accepted, **agent.protocol.headers}
    if call.login is not None:
        headers["authorization"] = authorization(call.login)
        if not headers["authorization"].isascii():
            raise MessageError("The login must be ASCII to travel in a header; encode other text.")
    return AgentRequest(
        tenant_id=call.tenant_id,
        url=agent.url,
        host=_host(agent.url),
        method=call.method,
        body=agent.protocol.request(call.method, call.parameters, message_id, agent.tenant),
        timeout_s=call.timeout_s,
        headers=headers,
    )


def _host(url: str) -> str:
    try:
        return httpx2.URL(url).host[:_SHOWN_CHARS]
    except httpx2.InvalidURL:
        return "an address that is none"


def refuse_repetition(request: AgentRequest, *, maybe_sent: bool) -> None:
    """Stop a request whose earlier attempt ended with its worker, if twice is not like once.

    Raises:
        AgentUnansweredError: The request may have been executed; somebody has to find out.
    """
    if maybe_sent and not request.repeatable:
        raise AgentUnansweredError(
            f"{_what(request)}: its worker went away before the answer came. It is not known "
            "whether it was executed, so it was not sent again."
        )


async def ask(egress: Egress, request: AgentRequest, told: Told) -> JsonValue:
    """Send the request; return the result, or the list of results of a stream.

    Raises:
        AgentUnreachedError: Nothing was sent.
        AgentUnansweredError: Sent, and no whole answer.
        AgentFailedError: The answer is an HTTP error or unreadable.
        AgentRefusedError: The answer is an error of the protocol.
    """
    results = Results()
    try:
        way = await egress.of(request.tenant_id)
        async with (
            asyncio.timeout(request.timeout_s),
            way.client(timeout=request.timeout_s) as client,
            client.stream(
                "POST", request.url, json=request.body, headers=request.headers
            ) as response,
        ):
            return await _answer(request, response, results, told)
    except A2aError:
        raise
    except MillwrightError as error:
        raise AgentNotAskedError.of(error, f"{_what(request)}: ") from error
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
        raise AgentFailedError(
            f"{_what(request)}: its card names an address that cannot be called: {error}"
        ) from error
    except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
        raise AgentUnreachedError(
            f"{_what(request)}: no connection ({error}).", retryable=True
        ) from error
    except (httpx2.TransportError, httpx2.DecodingError, TimeoutError) as error:
        if results.ended:
            return results.items
        raise _unanswered(request, results, error) from error


async def _answer(
    request: AgentRequest, response: httpx2.Response, results: Results, told: Told
) -> JsonValue:
    if response.status_code >= HTTPStatus.MULTIPLE_CHOICES:
        await response.aread()
        raise _refused_by_http(request, response)
    if _media(response) == _STREAM:
        return await _streamed(request, response, results, told)
    result = _result(request, await response.aread())
    return [result] if request.streams else result


async def _streamed(
    request: AgentRequest, response: httpx2.Response, results: Results, told: Told
) -> JsonValue:
    # The client counts the bytes of the whole stream.
    async for event in httpx2.EventSource(response, max_event_size=None):
        if not event.data:
            continue
        if len(results.items) == MAX_RESULTS:
            raise AgentFailedError(
                f"{_what(request)} sent more than {MAX_RESULTS:,} results.{_look(results)}"
            )
        results.add(_result(request, event.data))
        told(results)
        if results.closed or not request.streams:
            break
    if not request.streams:
        return results.items[0] if results.items else _unreadable(request, "the stream is empty")
    if not results.ended:
        raise _unanswered(request, results, None)
    return results.items


def _unanswered(
    request: AgentRequest, results: Results, error: Exception | None
) -> AgentUnansweredError:
    timed_out = isinstance(error, (TimeoutError, httpx2.TimeoutException))
    match error:
        case None:
            why = "the stream ended before the agent had come to an end"
        case _ if timed_out:
            why = f"no whole answer within {request.timeout_s:g} s"
        case _:
            why = f"the connection broke ({type(error).__name__})"
    got = f" after {len(results.items)} results" if request.streams else ""
    doubt = "" if request.repeatable else " It is not known what the agent did."
    return AgentUnansweredError(
        f"{_what(request)}: {why}{got}.{doubt}{_look(results)}",
        retryable=request.repeatable and error is not None,
        upstream_status=HTTPStatus.REQUEST_TIMEOUT if timed_out else None,
    )


def _look(results: Results) -> str:
    """Say how the rest can be had, when that is known."""
    if results.task_id is None:
        return ""
    return (
        f" Its task is '{_shown(results.task_id)}', last told state "
        f"'{_shown(results.state or 'none')}': ask with tasks/get or tasks/resubscribe."
    )


def _result(request: AgentRequest, text: str | bytes) -> JsonValue:
    """Return the result in a JSON-RPC response.

    Raises:
        AgentRefusedError: When it is an error instead.
        AgentFailedError: When it is no response to the request.
    """
    answer = _parsed(text)
    if answer is None or answer.get("jsonrpc") != "2.0":
        return _unreadable(request, "it is no JSON-RPC response")
    if isinstance(answer.get("error"), dict):
        raise _refused(request, answer)
    if answer.get("id") != request.body["id"]:
        return _unreadable(request, "it has the id of another request")
    # The SDK's own server leaves a result of null out.
    if "result" not in answer and not request.method.endswith("/delete"):
        return _unreadable(request, "it has neither 'result' nor 'error'")
    return answer.get("result")


def _parsed(text: str | bytes) -> JsonObject | None:
    try:
        value = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _unreadable(request: AgentRequest, why: str) -> NoReturn:
    raise AgentFailedError(
        f"{_what(request)} was sent, and the answer cannot be read: {why}. Check whether the "
        "address is that of an agent that speaks A2A over JSON-RPC."
    )


def _refused(
    request: AgentRequest, answer: JsonObject, *, retry_after_s: float | None = None
) -> AgentRefusedError:
    error = answer["error"]
    code, message = (
        (error.get("code"), error.get("message")) if isinstance(error, dict) else ("", "")
    )
    said = _shown(message) if isinstance(message, str) else ""
    status = _STATUS_OF_CODE.get(code) if isinstance(code, int) else None
    return AgentRefusedError(
        f"{_what(request)} answered with error {_shown(str(code))}: {said or 'without a message'}.",
        upstream_status=status,
        retry_after_s=retry_after_s,
    )


def _refused_by_http(request: AgentRequest, response: httpx2.Response) -> A2aError:
    status = response.status_code
    answer = _parsed(response.content)
    not_now = status in _NOT_NOW
    told = answer is not None and isinstance(answer.get("error"), dict)
    # That a login is not accepted must be seen: its token may only be too old.
    if answer is not None and told and not not_now and status != HTTPStatus.UNAUTHORIZED:
        return _refused(request, answer)
    said = _shown(response.content[: 4 * _SHOWN_CHARS].decode(errors="replace"))
    hint = ""
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        hint = " It does not accept the login of this call, or wants one."
    elif status < HTTPStatus.BAD_REQUEST:
        hint = " Redirects are not followed: a login goes only where it was meant to go."
    return AgentFailedError(
        f"{_what(request)} answered {status}" + (f": {said}." if said else ".") + hint,
        upstream_status=status,
        retryable=not_now or (status in _GATEWAY and request.repeatable),
        retry_after_s=retry_after(response) if not_now else None,
    )


def _media(response: httpx2.Response) -> str:
    media: str = response.headers.get("content-type", "").partition(";")[0]
    return media.strip().lower()


def _what(request: AgentRequest) -> str:
    return f"'{request.method}' to the agent at {request.host}"


def _shown(text: str) -> str:
    """Prepare an agent's words for a message: one printable line, bounded."""
    line = " ".join(text.split())[:_SHOWN_CHARS]
    return "".join(char if char.isprintable() else "?" for char in line).rstrip(".")
