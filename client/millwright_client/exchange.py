"""One request and its answer, without any input or output of its own.

What has to be sent, waited for and locked is yielded as an effect; the two drivers (`blocking`,
`awaiting`) perform effects and know nothing else. So there is one policy for both clients:

- A request that may be repeated is repeated while the API cannot be reached, for `patience_s`.
- An expired access token is exchanged once for all requests that met it.
"""

import random
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeAlias, TypeVar

import httpx

from millwright_client.errors import (
    MillwrightApiError,
    MillwrightConnectionError,
    MillwrightProtocolError,
)

T = TypeVar("T")

PREFIX: Final = "/api/v1"
# Gateway errors, and our own "try again later, unchanged".
_AGAIN: Final = frozenset({502, 503, 504})
_SERVER_ERROR: Final = 500
_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 2.0
_UNAUTHENTICATED: Final = 401
_PROBLEM: Final = "urn:millwright:problem:"
_STANDARD: Final = frozenset({"type", "title", "status", "detail", "instance"})


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request to the API, and how to read the answer.

    Attributes:
        safe: Sending it twice does what sending it once does.
        wait_s: Seconds for which the API may keep the answer back, besides the usual.
        stream: Return the open response instead of reading it.
    """

    method: str
    path: str
    read: Callable[[httpx.Response], T]
    params: Mapping[str, Any] = field(default_factory=dict)
    json: Any = None
    content: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    safe: bool = False
    wait_s: float = 0.0
    stream: bool = False


@dataclass(frozen=True, slots=True)
class Send:
    """Send a request; gives the response."""

    call: Call[Any]
    token: str | None


@dataclass(frozen=True, slots=True)
class Sleep:
    """Wait so long."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Lock:
    """Wait for the lock around the tokens."""


@dataclass(frozen=True, slots=True)
class Unlock:
    """Give the lock back."""


@dataclass(frozen=True, slots=True)
class Chunks:
    """Begin to read an open response; gives something to `Read` from."""

    response: httpx.Response


@dataclass(frozen=True, slots=True)
class Read:
    """Read on; gives bytes, or None at the end."""

    chunks: Any


@dataclass(frozen=True, slots=True)
class Close:
    """Close an open response."""

    response: httpx.Response


@dataclass(frozen=True, slots=True)
class Emit(Generic[T]):
    """Hand a value to whoever iterates."""

    value: T


Effect: TypeAlias = Call[Any] | Send | Sleep | Lock | Unlock | Chunks | Read | Close
Flow: TypeAlias = Generator[Effect, Any, T]
Streaming: TypeAlias = Generator[Effect | Emit[T], Any, None]


def ask(call: Call[T]) -> Flow[T]:
    """Make a flow of one call."""
    answer: T = yield call
    return answer


@dataclass(slots=True)
class Session:
    """Tokens and patience of one client."""

    access_token: str | None = field(default=None, repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    patience_s: float = 10.0

    def exchange(self, call: Call[T]) -> Flow[T]:
        """Send a request until there is an answer that counts, and read it.

        Raises:
            MillwrightApiError: When the API refuses.
            MillwrightConnectionError: When there is no answer.
        """
        for pause in _pauses(self.patience_s):
            try:
                response = yield from self._send(call)
            except httpx.TransportError as error:
                # What never arrived can be sent again, whatever it is.
                if pause is None or not (call.safe or isinstance(error, httpx.ConnectError)):
                    raise unreachable(error) from error
            else:
                if pause is None or not call.safe or not _passing(response):
                    return _read(call, response)
            yield Sleep(pause)
        raise AssertionError("pauses do not end")  # pragma: no cover

    def log_in(self, call: Call[Any]) -> Flow[None]:
        """Send a request whose answer is a pair of tokens, and keep them."""
        pair = yield from self.exchange(call)
        self._keep(pair)

    def _send(self, call: Call[Any]) -> Flow[httpx.Response]:
        token = self.access_token
        response: httpx.Response = yield Send(call, token)
        if response.status_code == _UNAUTHENTICATED and self.refresh_token is not None:
            yield from self._refresh(used=token)
            response = yield Send(call, self.access_token)
        return response

    def _refresh(self, used: str | None) -> Flow[None]:
        """Exchange the tokens, unless somebody did while we waited for the lock."""
        yield Lock()
        try:
            if self.access_token == used:
                call = tokens("/auth/refresh", {"refresh_token": self.refresh_token})
                try:
                    response: httpx.Response = yield Send(call, None)
                except httpx.ConnectError:
                    raise
                except httpx.TransportError as error:
                    # It may have arrived, and a refresh token that comes twice ends the log-in.
                    raise unreachable(error) from error
                self._keep(_read(call, response))
        finally:
            yield Unlock()

    def _keep(self, pair: dict[str, Any]) -> None:
        self.access_token, self.refresh_token = pair["access_token"], pair["refresh_token"]


def tokens(path: str, body: Mapping[str, Any]) -> Call[dict[str, Any]]:
    """Make a call that is answered by a pair of tokens."""
    return Call("POST", path, _pair, json=body)


def unreachable(error: httpx.TransportError) -> MillwrightConnectionError:
    """Say that there is no answer, and from where."""
    try:
        where = f" at {error.request.url.copy_with(path='/', query=None)}"
    except RuntimeError:
        where = ""
    return MillwrightConnectionError(
        f"The Millwright API{where} gives no answer ({type(error).__name__}: {error}). "
        "Check the address, and that it runs."
    )


def _pauses(patience_s: float) -> Iterator[float | None]:
    """Yield how long to wait before the next try; None when there shall be no other."""
    give_up = time.monotonic() + patience_s
    pause = _FIRST_PAUSE_S
    while True:
        # Clients that were cut off together do not come back together.
        wait = pause * random.uniform(0.5, 1.0)  # noqa: S311 - not for secrets
        yield wait if time.monotonic() + wait < give_up else None
        pause = min(2 * pause, _LONGEST_PAUSE_S)


def _passing(response: httpx.Response) -> bool:
    """Tell trouble that passes: also the bare 500 of a process that is just being stopped."""
    if response.status_code == _SERVER_ERROR:
        return "json" not in response.headers.get("content-type", "")
    return response.status_code in _AGAIN


def _read(call: Call[T], response: httpx.Response) -> T:
    if response.is_error:
        raise _refusal(response)
    try:
        return call.read(response)
    except ValueError as error:
        raise MillwrightProtocolError(
            f"{call.method} {response.request.url} did not answer with JSON. "
            "Is this the address of the Millwright API?"
        ) from error


def _refusal(response: httpx.Response) -> MillwrightApiError:
    """Read a problem; what stands between us and the API may answer with something else."""
    try:
        problem = response.json()
    except ValueError:
        problem = None
    known = problem if isinstance(problem, dict) else {}
    status = response.status_code
    return MillwrightApiError(
        status=status,
        code=str(known.get("type", f"http-{status}")).removeprefix(_PROBLEM),
        title=str(known.get("title") or response.reason_phrase or "Refused"),
        detail=str(known.get("detail", response.text[:200])),
        details={name: value for name, value in known.items() if name not in _STANDARD},
    )


def _pair(response: httpx.Response) -> dict[str, Any]:
    pair = response.json()
    if not isinstance(pair, dict) or not {"access_token", "refresh_token"} <= pair.keys():
        raise MillwrightProtocolError("The API did not answer the log-in with tokens.")
    return pair
