"""Gives requests what they log in with: tokens are asked for, kept, shared and renewed here.

One per worker process. A token is kept for its tenant and for exactly the properties it was asked
for with, so nobody gets one that his own credentials would not give him.
"""

import hmac
import secrets
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, Protocol, TypeVar

from cachetools import LRUCache

from activities.logins.types import Login, PlainLogin, ReadyLogin
from activities.requests import Request
from foundation.errors import MillwrightError
from foundation.json import canonical
from security.authority.asking import Authority, shown_uri
from security.authority.errors import AuthorityAwayError, LoginRefusedError
from security.authority.keeping import Keeping, UnansweredError
from security.authority.tokens import Token
from security.authority.types import TokenLogin
from security.egress import Egress
from security.mask import Mask

# For one token, twice when the first is refused: an activity has 15 s besides its exchange.
PATIENCE_S: Final = 7.0
_MAX_KEPT: Final = 10_000
_REFUSED: Final = 401

T = TypeVar("T")


class Beat(Protocol):
    """What has to be told about a request."""

    def not_sent(self) -> None:
        """Take back that it left: it had no effect."""
        ...


class Errand(Protocol):
    """What logs in: the work of an activity, or of whoever fetches something."""

    @property
    def request(self) -> Request:
        """Whose request it is."""
        ...

    @property
    def beat(self) -> Beat:
        """Who is told."""
        ...

    @property
    def mask(self) -> Mask:
        """What must not be repeated."""
        ...


class Authenticator:
    """Logs calls in.

    Args:
        clock: Seconds, from anywhere.
        patience_s: How long a call waits for a token.
    """

    def __init__(
        self,
        egress: Egress,
        *,
        clock: Callable[[], float] = time.monotonic,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._authority = Authority(egress)
        self._patience_s = patience_s
        # Keys of the caches are no secrets, and nobody can compute one.
        self._salt = secrets.token_bytes(32)
        self._keeping: Keeping[bytes] = Keeping(clock)
        self._refresh: LRUCache[bytes, str] = LRUCache(_MAX_KEPT)

    async def logged_in(
        self,
        work: Errand,
        login: Login | None,
        send: Callable[[ReadyLogin | None], Awaitable[T]],
    ) -> T:
        """Send a request with what it logs in with.

        A server that answers 401 has not executed it: then it is sent once more, with a new token.

        Args:
            work: Whose results must not repeat the token.
            send: Sends the request; called at most twice.

        Raises:
            MillwrightError: When there is no token, or what `send` raises.
        """
        if login is None or not isinstance(login, TokenLogin):
            return await send(login)
        key = self._key(work.request, login)
        token = await self._token(work, key, login)
        try:
            return await send(_bearer(token))
        except MillwrightError as error:
            if getattr(error, "upstream_status", None) != _REFUSED:
                raise
        work.beat.not_sent()
        self._keeping.drop(key, token)
        return await send(_bearer(await self._token(work, key, login)))

    async def aclose(self) -> None:
        """Stop asking, at the end of the process."""
        await self._keeping.aclose()

    def _key(self, request: Request, login: TokenLogin) -> bytes:
        what = canonical([request.tenant_id, login.model_dump(mode="json")])
        return hmac.digest(self._salt, what, "sha256")

    async def _token(self, work: Errand, key: bytes, login: TokenLogin) -> Token:
        try:
            token = await self._keeping.token(
                key,
                partial(self._ask, work.request.tenant_id, key, login),
                patience_s=self._patience_s,
            )
        except UnansweredError:
            raise AuthorityAwayError(
                f"The authority {shown_uri(login.properties.authority)} gave no token within "
                f"{self._patience_s:g} s.",
                kind="timeout",
            ) from None
        hidden = [token.text, *([token.refresh] if token.refresh else [])]
        work.mask.hide(hidden)
        return token

    async def _ask(self, tenant_id: str, key: bytes, login: TokenLogin) -> Token:
        try:
            token = await self._authority.token(tenant_id, login, self._refresh.get(key))
        except LoginRefusedError:
            self._refresh.pop(key, None)
            raise
        if login.properties.grant == "refresh_token" and token.refresh is not None:
            # The authority takes the old one no more.
            self._refresh[key] = token.refresh
        return token


def _bearer(token: Token) -> PlainLogin:
    return PlainLogin(scheme="bearer", secret=token.text)
