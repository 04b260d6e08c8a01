"""One request and its answer: what is sent, what comes back, what counts as an error."""

import asyncio
import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import httpx2

from activities.http.errors import (
    CallFailedError,
    CallUnansweredError,
    CallUnreachedError,
    RequestError,
)
from activities.http.types import HttpCall
from activities.logins.digest import Digest
from activities.logins.types import DigestLogin, Login, PlainLogin
from foundation.apart import LARGE
from foundation.json import JsonObject, JsonValue
from security.egress import Egress

# Sending these twice does what sending them once does (RFC 9110).
SAFE_TO_REPEAT: Final = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})
_NOT_NOW: Final = frozenset({429, 503})
_GATEWAY: Final = frozenset({502, 504})
# A server that asks for more patience than this is down for our purposes.
MAX_RETRY_AFTER_S: Final = 60.0
# What a person needs of an error page; the rest would only fill the history.
SHOWN_BODY_CHARS: Final = 300
_HIDDEN_HEADERS: Final = frozenset({"authorization", "cookie", "set-cookie", "proxy-authorization"})


def _as_it_is(data: bytes) -> bytes:
    return data


async def exchange(
    egress: Egress,
    call: HttpCall,
    masked: Callable[[bytes], bytes] = _as_it_is,
    *,
    max_bytes: int | None = None,
) -> JsonValue:
    """Send the request and return what the task's `output` asks for.

    Args:
        masked: What a body that is encoded looks like without the secrets of the request.
        max_bytes: Largest answer; what the settings say when left out.

    Raises:
        CallUnreachedError: Nothing was sent.
        CallUnansweredError: Sent, and no whole answer.
        CallFailedError: The answer is an error or unreadable.
    """
    where = _shown(call.uri)
    way = await egress.of(call.tenant_id)
    try:
        async with (
            asyncio.timeout(call.timeout_s),
            way.client(timeout=call.timeout_s, max_bytes=max_bytes) as client,
        ):
            response = await client.send(_request(client, call), auth=_challenged(call.login))
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
        raise CallFailedError(
            f"'{where}' is no address that can be called: {error}", title="The address is wrong"
        ) from error
    except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
        raise CallUnreachedError(f"{call.method} {where}: no connection ({error}).") from error
    except (httpx2.TimeoutException, TimeoutError) as error:
        raise CallUnansweredError(
            f"{call.method} {where}: no answer within {call.timeout_s:g} s.",
            retryable=call.method in SAFE_TO_REPEAT,
            kind="timeout",
        ) from error
    except httpx2.TransportError as error:
        raise CallUnansweredError(
            f"{call.method} {where}: the connection broke ({type(error).__name__}).",
            retryable=call.method in SAFE_TO_REPEAT,
        ) from error
    _refuse_errors(call, response, where)
    try:
        if len(response.content) <= LARGE:
            return _output(call, response, masked)
        # To decode it and to look through it takes a while: not on the event loop.
        return await asyncio.to_thread(_output, call, response, masked)
    except (LookupError, UnicodeError, ValueError, AssertionError, RecursionError) as error:
        raise CallFailedError(
            f"{call.method} {where} was executed, and its answer cannot be read "
            f"({type(error).__name__}).",
            title="The answer cannot be read",
        ) from error


def refuse_repetition(call: HttpCall, *, maybe_sent: bool) -> None:
    """Stop a request whose earlier attempt ended with its worker, if twice is not like once.

    Raises:
        CallUnansweredError: The request may have been executed; somebody has to find out.
    """
    if maybe_sent and call.method not in SAFE_TO_REPEAT:
        raise CallUnansweredError(
            f"{call.method} {_shown(call.uri)}: its worker went away before the answer came. "
            "It is not known whether it was executed, so it was not sent again.",
            retryable=False,
        )


def _request(client: httpx2.AsyncClient, call: HttpCall) -> httpx2.Request:
    try:
        headers = httpx2.Headers(call.headers)
    except UnicodeEncodeError as error:
        raise RequestError(
            f"The headers of {call.method} {_shown(call.uri)} must be ASCII; encode other text."
        ) from error
    if call.idempotency_key is not None:
        headers.setdefault("idempotency-key", call.idempotency_key)
    if isinstance(call.login, PlainLogin):
        headers["authorization"] = call.login.authorization
    return client.build_request(
        call.method,
        _address(call),
        headers=headers,
        **_body(call.body, headers.get("content-type", "")),
    )


def _address(call: HttpCall) -> httpx2.URL | str:
    """Add the query to that of the URI; the client would replace the one by the other."""
    if not call.query:
        return call.uri
    query = {name: _texts(value) for name, value in call.query.items()}
    return httpx2.URL(call.uri).copy_merge_params(query)


def _challenged(login: Login | None) -> httpx2.Auth | None:
    """Return what answers when the server asks who is there; the other logins go out with it."""
    match login:
        case DigestLogin():
            return Digest(login)
        case PlainLogin() | None:
            return None
        case _:
            raise TypeError("a token has to be asked for first: Authenticator.logged_in")


def _body(body: JsonValue, content_type: str) -> dict[str, Any]:
    if body is None:
        return {}
    if isinstance(body, dict) and content_type.startswith("application/x-www-form-urlencoded"):
        return {"data": {name: _texts(value) for name, value in body.items()}}
    if isinstance(body, str) and "json" not in content_type:
        return {"content": body.encode()}
    return {"json": body}


def _texts(value: JsonValue) -> Any:
    """Spell a query value: lists repeat the name, booleans are lower case."""
    if isinstance(value, list):
        return [_texts(item) for item in value]
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _refuse_errors(call: HttpCall, response: httpx2.Response, where: str) -> None:
    status = response.status_code
    if status < 300 or (call.redirect and status < 400):  # noqa: PLR2004 - the classes of HTTP
        return
    shown = _text_of(response)[:SHOWN_BODY_CHARS].strip()
    not_now = status in _NOT_NOW
    raise CallFailedError(
        f"{call.method} {where} answered {status}" + (f": {shown}" if shown else "."),
        title=f"HTTP {status} {response.reason_phrase}".strip(),
        status=status,
        retryable=not_now or (status in _GATEWAY and call.method in SAFE_TO_REPEAT),
        retry_after_s=retry_after(response) if not_now else None,
    )


def _text_of(response: httpx2.Response) -> str:
    """Return a body as text, whatever its charset claims to be."""
    return response.content[: 4 * SHOWN_BODY_CHARS].decode(errors="replace")


def retry_after(response: httpx2.Response) -> float | None:
    """Return the seconds that a server asked us to wait, as far as that is reasonable."""
    text = response.headers.get("retry-after", "")
    if text.isdigit():
        return min(float(text), MAX_RETRY_AFTER_S)
    try:
        seconds = (parsedate_to_datetime(text) - datetime.now(tz=UTC)).total_seconds()
    except (TypeError, ValueError):
        return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_S)


def _output(
    call: HttpCall, response: httpx2.Response, masked: Callable[[bytes], bytes]
) -> JsonValue:
    if call.output == "raw":
        return base64.b64encode(masked(response.content)).decode()
    content = _content(response, masked)
    if call.output == "content":
        return content
    request: JsonObject = {
        "method": call.method.lower(),
        "uri": str(response.request.url),
        "headers": _visible(response.request.headers),
    }
    return {
        "request": request,
        "statusCode": response.status_code,
        "headers": _visible(response.headers),
        "content": content,
    }


def _visible(headers: httpx2.Headers) -> JsonObject:
    return {name: text for name, text in headers.items() if name not in _HIDDEN_HEADERS}


def _content(response: httpx2.Response, masked: Callable[[bytes], bytes]) -> JsonValue:
    """Decode a body by its content type: JSON, text, or base64 for all else."""
    if not response.content:
        return None
    media = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media == "application/json" or media.endswith("+json"):
        try:
            value: JsonValue = json.loads(response.content)
        except (ValueError, RecursionError) as error:
            raise CallFailedError(
                f"{_shown(str(response.request.url))} says it answers JSON and does not: {error}",
                title="The answer is no JSON",
            ) from error
        return value
    if media.startswith("text/") or media.endswith(("xml", "yaml", "javascript")) or not media:
        return response.text
    return base64.b64encode(masked(response.content)).decode()


def _shown(uri: str) -> str:
    """Return an address without its query, which may carry personal data or a key."""
    return uri.partition("?")[0]
