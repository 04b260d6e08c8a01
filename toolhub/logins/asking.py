"""Asking for the token of a server, once. Nothing is remembered here but where to ask."""

import asyncio
import time
from typing import Final, Literal, cast

from cachetools import TTLCache

from security.authority.asking import shown_uri
from security.authority.errors import AuthorityAwayError, LoginError
from security.authority.exchange import exchange
from security.authority.token_requests import Fields, post_of
from security.authority.tokens import Token, read_token
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
        """Get a new token.

        Raises:
            LoginError: The credential cannot be used as it is.
            LoginRefusedError: The authorization server said no.
            IssuerError: It is somebody else than it should be.
            AuthorityAwayError: It did not answer.
            AuthorityAnswerError: What it answered is no token.
            EgressRefusedError: This installation does not send requests there.
        """
        try:
            async with asyncio.timeout(_WHOLE_S):
                return await self._token(server, login, scopes)
        except TimeoutError:
            where = shown_uri(login.issuer or login.token_endpoint or "")
            raise AuthorityAwayError(
                f"The authorization server {where} gave no token within {_WHOLE_S:g} s.",
                kind="timeout",
            ) from None
        except AuthorityAwayError:
            raise
        except Exception:
            # Perhaps it is asked elsewhere by now: the next one looks.
            self._servers.pop((server.tenant_id, login.issuer or ""), None)
            raise

    async def _token(self, server: Registered, login: TokenLogin, scopes: tuple[str, ...]) -> Token:
        about = await self._about(server, login)
        endpoint = login.token_endpoint or (about.token_endpoint if about else "")
        shown = f"The authorization server {shown_uri(login.issuer or endpoint)}"
        check_safe(endpoint, like=login.resource, shown=shown)
        client = login.client.model_copy(update={"authentication": _way(login, about, shown)})
        fields: Fields = {"grant_type": "client_credentials", "resource": login.resource}
        if scopes:
            fields["scope"] = " ".join(scopes)
        post = post_of(fields, client, login.issuer or endpoint)
        answer = await exchange(
            self._egress, "POST", endpoint, shown, headers=post.headers, content=post.content
        )
        return read_token(answer, shown)

    async def _about(self, server: Registered, login: TokenLogin) -> AuthorizationServer | None:
        if login.token_endpoint is not None or login.issuer is None:
            return None
        key = (server.tenant_id, login.issuer)
        about = self._servers.get(key)
        if about is None:
            about = self._servers[key] = await authorization_server(self._egress, login.issuer)
        return about


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
