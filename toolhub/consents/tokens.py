"""Tokens of people: renewed by one process for all, since most can be renewed only once."""

import asyncio
from dataclasses import replace
from typing import Final

import anyio
from anyio import to_thread

from foundation.errors import UnavailableError
from security.authority.errors import LoginRefusedError
from security.authority.token_requests import Fields
from security.authority.tokens import Token
from toolhub.consents.repository import Consents, Elsewhere, Good, Turn
from toolhub.consents.types import Agreed
from toolhub.logins.asking import Asking, shown_as
from toolhub.logins.types import Registered

# How long one that was taken back may still be used by another process.
KEPT_S: Final = 10.0
_LOOK_AGAIN_S: Final = 0.2
# While the database is away.
_STORING_TRIES: Final = 15
_STORE_AGAIN_S: Final = 1.0


class ConsentTokens:
    """Gets tokens with what people have agreed to."""

    def __init__(self, consents: Consents, asking: Asking) -> None:
        self._consents = consents
        self._asking = asking

    async def token(self, server: Registered, label: str, refused: str | None) -> Token:
        """Return a token of whoever agreed.

        Args:
            server: Which registration.
            label: How messages call it.
            refused: One that the server does not take.

        Raises:
            LoginRefusedError: Nobody has agreed, or it counts no more.
            AuthorityAwayError: The authorization server does not answer.
            MillwrightError: It answers otherwise than it should.
        """
        while True:
            match await to_thread.run_sync(self._consents.step, server, refused):
                case Good(token):
                    return _for_now(token)
                case Turn() as turn:
                    return _for_now(await self._renewed(server, label, turn))
                case Elsewhere():
                    await asyncio.sleep(_LOOK_AGAIN_S)
                case None:
                    raise LoginRefusedError(f"Nobody has agreed to it yet. {_how(label)}")

    async def has_another(self, server: Registered, token: str) -> bool:
        """Tell whether somebody has agreed anew since this token was got."""
        known = await to_thread.run_sync(self._consents.known, server)
        return known is not None and known[0].token != token

    async def lacks(self, server: Registered, scopes: tuple[str, ...]) -> None:
        """Note what the server has missed, for when somebody is asked again."""
        await to_thread.run_sync(self._consents.lacks, server, scopes)

    async def _renewed(self, server: Registered, label: str, turn: Turn) -> Token:
        try:
            token = await self._asked(server, label, turn.agreed)
        except Exception:
            # Not when it is cancelled: over there it may be renewed, so nobody tries at once.
            with anyio.CancelScope(shield=True):
                await to_thread.run_sync(self._consents.gave_up, server, turn)
            raise
        with anyio.CancelScope(shield=True):
            await self._keep(server, turn, token)
        return token

    async def _keep(self, server: Registered, turn: Turn, token: Token) -> None:
        """Store a new token; the old one may be good for nothing any more."""
        for left in reversed(range(_STORING_TRIES)):
            try:
                await to_thread.run_sync(self._consents.renewed, server, turn, token)
            except UnavailableError:
                if not left:
                    raise
                await asyncio.sleep(_STORE_AGAIN_S)
            else:
                return

    async def _asked(self, server: Registered, label: str, agreed: Agreed) -> Token:
        if agreed.refresh is None:
            raise LoginRefusedError(
                f"{shown_as(agreed.issuer)} gave a token that has ended, and nothing to renew it "
                f"with. {_how(label)}"
            )
        fields: Fields = {
            "grant_type": "refresh_token",
            "refresh_token": agreed.refresh,
            "resource": agreed.resource,
        }
        try:
            return await self._asking.exchanged(
                server.tenant_id, agreed.issuer, agreed.client, fields
            )
        except LoginRefusedError as error:
            raise LoginRefusedError(f"{error.message} {_how(label)}") from error


def _for_now(token: Token) -> Token:
    """Look again soon whether it is what somebody agrees to still: he may take that back."""
    return replace(token, keeps_s=min(token.keeps_s, KEPT_S), refresh=None)


def _how(label: str) -> str:
    return (
        f"Somebody with 'mcp:manage' has to, in a browser: millwright mcp login {label}, or "
        f"POST /api/v1/mcp/servers/{label}:authorize."
    )
