"""What a destination is sent with: its headers, or a token; and what to try when that is refused.

A token is kept in this process for its registration, its version of the credential and its scopes.
It is got right before a request leaves, so what the directory keeps has none.
"""

from dataclasses import replace
from http import HTTPStatus
from typing import Final, Protocol

from cachetools import LRUCache

from security.authority.errors import AuthorityAwayError, LoginRefusedError
from security.authority.keeping import Keeping, UnansweredError
from security.authority.tokens import Token
from toolhub.logins.asking import Asking
from toolhub.logins.challenges import MAX_SCOPES, challenge_of
from toolhub.logins.types import Registered
from toolhub.wire.exchange import Destination, Exchange

# What an activity has besides its exchange is 15 s, of which up to 10 are for a place.
PATIENCE_S: Final = 7.0
_MAX_KEPT: Final = 10_000
_Key = tuple[str, str, str, tuple[str, ...]]


class Stored(Protocol):
    """Knows what is stored of a server now."""

    async def reloaded(self, to: Destination, server: Registered) -> Destination | None:
        """Return where it is sent to by now; None when that registration is gone."""
        ...


class Consented(Protocol):
    """Knows what people have agreed to."""

    async def token(self, server: Registered, label: str, refused: str | None) -> Token:
        """Return a token of whoever agreed, another one than the refused.

        Raises:
            MillwrightError: There is none.
        """
        ...

    async def has_another(self, server: Registered, token: str) -> bool:
        """Tell whether somebody has agreed anew since this token was got."""
        ...

    async def lacks(self, server: Registered, scopes: tuple[str, ...]) -> None:
        """Note that what was agreed to is not enough."""
        ...


class Logins:
    """Gives requests what they log in with.

    Args:
        asking: Gets tokens for clients themselves.
        consented: Gets tokens of people.
        stored: Looks up credentials that were changed.
        patience_s: How long a call waits for a token.
    """

    def __init__(
        self,
        asking: Asking,
        consented: Consented,
        stored: Stored,
        *,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._asking = asking
        self._consented = consented
        self._stored = stored
        self._patience_s = patience_s
        self._keeping: Keeping[_Key] = Keeping()
        # Scopes that servers have asked for meanwhile.
        self._more: LRUCache[tuple[str, str, str], tuple[str, ...]] = LRUCache(_MAX_KEPT)

    async def ready(self, to: Destination) -> Destination:
        """Return a destination with all that it is sent with.

        Raises:
            MillwrightError: There is no token; nothing was sent to the server.
        """
        server = to.registered
        if to.token is not None or server is None or not server.takes_tokens:
            return to
        return await self._with_token(to, server, self._scopes(server))

    async def again(self, to: Destination, exchange: Exchange) -> Destination | None:
        """Return what to send a refused request with; None when there is nothing else to try.

        Raises:
            MillwrightError: There is no other token.
        """
        match exchange.status:
            case HTTPStatus.UNAUTHORIZED:
                return await self._renewed(to)
            case HTTPStatus.FORBIDDEN:
                return await self._stepped_up(to, exchange)
            case _:
                return None

    async def aclose(self) -> None:
        """Finish asking, at the end of the process."""
        await self._keeping.aclose()

    async def _renewed(self, to: Destination) -> Destination | None:
        server, token = to.registered, to.token
        if server is None:
            return None
        now = await self._stored.reloaded(to, server) if server.stored else to
        if now is None:
            return None
        if now.registered is not None and now.registered.version != server.version:
            return await self.ready(now)
        if token is None:
            return None
        return await self._with_another(to, server, token)

    async def _with_another(
        self, to: Destination, server: Registered, refused: Token
    ) -> Destination:
        scopes = self._scopes(server)

        async def another() -> Destination:
            self._keeping.drop((*_key(server), scopes), refused)
            return await self._with_token(to, server, scopes, refused=refused.text)

        ready = await another()
        if ready.token is not None and ready.token.text == refused.text:
            # Somebody was asking already, and did not know that it is refused.
            return await another()
        return ready

    async def _stepped_up(self, to: Destination, exchange: Exchange) -> Destination | None:
        challenge, server = challenge_of(exchange.www_authenticate), to.registered
        if server is not None and server.person is not None and challenge.lacks_scope:
            return await self._agreed_since(to, server, challenge.scopes or ())
        if server is None or server.token is None or not server.token.may_ask_for_more:
            return None
        had = self._scopes(server)
        wanted = tuple(dict.fromkeys([*had, *(challenge.scopes or ())]))
        if not challenge.lacks_scope or wanted == had or len(wanted) > MAX_SCOPES:
            return None
        try:
            ready = await self._with_token(to, server, wanted)
        except LoginRefusedError:
            return None  # the client may not have more
        self._more[_key(server)] = wanted
        return ready

    async def _agreed_since(
        self, to: Destination, server: Registered, wanted: tuple[str, ...]
    ) -> Destination | None:
        if to.token is not None and await self._consented.has_another(server, to.token.text):
            self._keeping.drop((*_key(server), ()), to.token)
            return await self._with_token(to, server, ())
        await self._consented.lacks(server, wanted)
        return None

    async def _with_token(
        self,
        to: Destination,
        server: Registered,
        scopes: tuple[str, ...],
        *,
        refused: str | None = None,
    ) -> Destination:
        async def ask() -> Token:
            if server.token is None:
                return await self._consented.token(server, to.label, refused)
            return await self._asking.token(server, server.token, scopes)

        key = (*_key(server), scopes)
        try:
            token = await self._keeping.token(key, ask, patience_s=self._patience_s)
        except UnansweredError:
            raise AuthorityAwayError(
                f"Its authorization server gave no token within {self._patience_s:g} s.",
                kind="timeout",
            ) from None
        headers = {**to.headers, "Authorization": f"Bearer {token.text}"}
        return replace(to, headers=headers, token=token)

    def _scopes(self, server: Registered) -> tuple[str, ...]:
        given = server.token.scopes if server.token else ()
        return self._more.get(_key(server), given)


def _key(server: Registered) -> tuple[str, str, str]:
    return server.tenant_id, server.server_id, server.version
