"""Asking for the token of a server, once. Nothing is remembered here but where to ask."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Literal, cast

import httpx2
from cachetools import TTLCache

from security.authority.asking import shown_uri
from security.authority.errors import AuthorityAwayError, LoginError
from security.authority.exchange import exchange
from security.authority.token_requests import Fields, TokenPost, post_of
from security.authority.tokens import Token, read_token
from security.authority.types import Client
from security.egress import Egress
from toolhub.logins.metadata import AuthorizationServer, authorization_server, check_safe
from toolhub.logins.types import Registered, TokenLogin

# Of the ways to prove who a client is, those with a secret; the first that a server knows.
_WITH_SECRET: Final = ("client_secret_basic", "client_secret_post")
# All that one token takes.
_WHOLE_S: Final = 25.0
_KEPT_S: Final = 600.0
_MAX_KEPT: Final = 4096


class Asking:
    """Asks authorization servers."""

    def __init__(self, egress: Egress) -> None:
        self._egress = egress
        self._servers: TTLCache[tuple[str, str], AuthorizationServer, float] = TTLCache(
            _MAX_KEPT, _KEPT_S, time.monotonic
        )

    async def token(self, server: Registered, login: TokenLogin, scopes: tuple[str, ...]) -> Token:
        """Get a new token for a client itself.

        Raises:
            LoginError: The credential cannot be used as it is.
            LoginRefusedError: The authorization server said no.
            IssuerError: It is somebody else than it should be.
            AuthorityAwayError: It did not answer.
            AuthorityAnswerError: What it answered is no token.
            EgressRefusedError: This installation does not send requests there.
        """
        fields: Fields = {"grant_type": "client_credentials", "resource": login.resource}
        if scopes:
            fields["scope"] = " ".join(scopes)
        issuer, endpoint = login.issuer, login.token_endpoint
        async with self._bounded(server.tenant_id, issuer or endpoint or ""):
            about = None
            if endpoint is None and issuer is not None:
                about = await self.about(server.tenant_id, issuer)
            shown = shown_as(issuer or endpoint or "")
            way = _way(login, about, shown)
            client = login.client.model_copy(update={"authentication": way})
            to = endpoint or (about.token_endpoint if about else "")
            check_safe(to, like=login.resource, shown=shown)
            return await self._posted(
                server.tenant_id, to, shown, post_of(fields, client, issuer or to)
            )

    async def exchanged(self, tenant_id: str, issuer: str, client: Client, fields: Fields) -> Token:
        """Exchange for a token what somebody has agreed to.

        Raises:
            MillwrightError: As `token`.
        """
        async with self._bounded(tenant_id, issuer):
            about = await self.about(tenant_id, issuer)
            post = post_of(fields, client, issuer)
            return await self._posted(tenant_id, about.token_endpoint, shown_as(issuer), post)

    async def about(self, tenant_id: str, issuer: str) -> AuthorizationServer:
        """Return what an authorization server says of itself, as it did a short while ago.

        Raises:
            MillwrightError: As `authorization_server`.
        """
        key = (tenant_id, issuer)
        about = self._servers.get(key)
        if about is None:
            way = await self._egress.of(tenant_id)
            about = self._servers[key] = await authorization_server(way, issuer)
        return about

    async def posted(
        self, tenant_id: str, endpoint: str, shown: str, post: TokenPost
    ) -> httpx2.Response:
        """Send something to an authorization server; return its whole answer.

        Raises:
            MillwrightError: As `exchange`.
        """
        way = await self._egress.of(tenant_id)
        return await exchange(
            way, "POST", endpoint, shown, headers=post.headers, content=post.content
        )

    async def _posted(self, tenant_id: str, endpoint: str, shown: str, post: TokenPost) -> Token:
        return read_token(await self.posted(tenant_id, endpoint, shown, post), shown)

    @asynccontextmanager
    async def _bounded(self, tenant_id: str, where: str) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(_WHOLE_S):
                yield
        except TimeoutError:
            raise AuthorityAwayError(
                f"{shown_as(where)} gave no token within {_WHOLE_S:g} s.", kind="timeout"
            ) from None
        except AuthorityAwayError:
            raise
        except Exception:
            # Perhaps it is asked elsewhere by now: the next one looks.
            self._servers.pop((tenant_id, where), None)
            raise


def shown_as(issuer: str) -> str:
    """Return what messages call an authorization server."""
    return f"The authorization server {shown_uri(issuer)}"


_Way = Literal["client_secret_basic", "client_secret_post", "private_key_jwt"]


def _way(login: TokenLogin, about: AuthorizationServer | None, shown: str) -> _Way:
    """Choose how the client proves who it is."""
    known = about.token_endpoint_auth_methods_supported if about else None
    if login.proves is not None:
        if known is not None and login.proves not in known:
            raise LoginError(
                f"{shown} does not take '{login.proves}'. It takes: {', '.join(known)[:200]}."
            )
        return cast(_Way, login.proves)
    if known is None:
        return "client_secret_basic"
    chosen = next((way for way in _WITH_SECRET if way in known), None)
    if chosen is None:
        raise LoginError(
            f"{shown} takes no client secret, but: {', '.join(known)[:200]}. Write "
            "'authentication' and give what it wants."
        )
    return cast(_Way, chosen)
