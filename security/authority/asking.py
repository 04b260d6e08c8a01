"""Asks authorities for tokens: over the guarded way out, without following redirects."""

import asyncio
import re
from typing import Final

from security.authority.errors import (
    AuthorityAnswerError,
    AuthorityAwayError,
    IssuerError,
    LoginError,
)
from security.authority.exchange import exchange
from security.authority.token_requests import token_post
from security.authority.tokens import Token, check_issuer, json_object, read_token
from security.authority.types import OAuth2Login, OidcLogin, OidcProperties, TokenLogin
from security.egress import Egress, WayOut, check_url

# All that one token takes.
_WHOLE_S: Final = 25.0
_DISCOVERY: Final = "/.well-known/openid-configuration"
_ABSOLUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


class Authority:
    """Knows how to ask; remembers nothing."""

    def __init__(self, egress: Egress) -> None:
        self._egress = egress

    async def token(self, tenant_id: str, login: TokenLogin, refresh: str | None) -> Token:
        """Get a new token.

        Args:
            tenant_id: Who wants it.
            login: Where, and what with.
            refresh: The newest refresh token, if there is a newer one than that of the policy.

        Raises:
            LoginError: The policy is not complete.
            LoginRefusedError: The authority said no.
            IssuerError: The authority or the token is somebody else's.
            AuthorityAwayError: Nobody answered.
            AuthorityAnswerError: What was answered is no token.
            EgressRefusedError: This installation does not send requests there.
        """
        shown = f"The authority {shown_uri(login.properties.authority)}"
        try:
            async with asyncio.timeout(_WHOLE_S):
                return await self._token(tenant_id, login, refresh)
        except TimeoutError:
            raise AuthorityAwayError(
                f"{shown} gave no token within {_WHOLE_S:g} s.", kind="timeout"
            ) from None

    async def _token(self, tenant_id: str, login: TokenLogin, refresh: str | None) -> Token:
        properties = login.properties
        shown = f"The authority {shown_uri(properties.authority)}"
        authority = _checked(properties.authority)
        way = await self._egress.of(tenant_id)
        endpoint = await _endpoint(way, login, authority, shown)
        post = token_post(properties, endpoint, refresh)
        answer = await exchange(
            way, "POST", endpoint, shown, headers=post.headers, content=post.content
        )
        token = read_token(answer, shown)
        known = isinstance(login, OidcLogin)  # discovery has checked that
        check_issuer(token, properties.issuers, shown, known=known)
        return token


def shown_uri(uri: str) -> str:
    """Return an address without its query, which may carry a key."""
    return uri.partition("?")[0]


async def _endpoint(way: WayOut, login: TokenLogin, authority: str, shown: str) -> str:
    match login:
        case OAuth2Login(properties=properties):
            written = properties.endpoints.token
            relative = f"{authority.rstrip('/')}/{written.lstrip('/')}"
            endpoint = written if _ABSOLUTE.match(written) else relative
        case OidcLogin(properties=properties):
            endpoint = await _discovered(way, properties, authority, shown)
    if authority.startswith("https:") and not endpoint.startswith("https:"):
        raise LoginError(
            f"{shown} would be asked for a token over http, where everybody on the way could "
            "read the credentials. Its token endpoint must be https, like itself."
        )
    check_url(endpoint)
    return endpoint


async def _discovered(way: WayOut, properties: OidcProperties, authority: str, shown: str) -> str:
    """Read where the token endpoint is, from nobody but the authority (OpenID Discovery)."""
    headers = {"accept": "application/json"}
    uri = authority.rstrip("/") + _DISCOVERY
    answer = await exchange(way, "GET", uri, shown, headers=headers)
    if not answer.is_success:
        away = answer.is_server_error
        text = (
            f"{shown} does not say where its token endpoint is: {_DISCOVERY} answered "
            f"{answer.status_code}."
        )
        raise AuthorityAwayError(text) if away else AuthorityAnswerError(text)
    found = json_object(answer, shown)
    _check_mix_up(found.get("issuer"), properties, shown)
    endpoint = found.get("token_endpoint")
    if not isinstance(endpoint, str):
        raise AuthorityAnswerError(f"{shown} has no 'token_endpoint' in {_DISCOVERY}.")
    return endpoint


def _checked(authority: str) -> str:
    url = check_url(authority)
    if url.query or url.fragment:
        raise LoginError(
            f"The authority {shown_uri(authority)} has a query or fragment. Endpoints are relative "
            "to it: write scheme, host and path."
        )
    return authority


def _check_mix_up(issuer: object, properties: OidcProperties, shown: str) -> None:
    """Refuse a description that is somebody else's: it could lead credentials to a stranger."""
    if issuer != properties.authority:
        raise IssuerError(
            f"{shown} describes another issuer than itself in {_DISCOVERY}, so it was not asked "
            "for a token. Write the authority exactly as its 'issuer' there, down to the last "
            "slash."
        )
    if properties.issuers and issuer not in properties.issuers:
        raise IssuerError(f"{shown} is not in 'issuers'.")
