"""Which authorization server a resource names, and where that is asked (RFC 9728, RFC 8414, OIDC).

Whom a description is about is compared letter by letter with whom we asked, so that nobody's
credentials are led to somebody else. The SDK knows where descriptions are; its models are not used,
since they spell addresses anew, and want what machines have no use for.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from mcp.client.auth.utils import (
    build_oauth_authorization_server_metadata_discovery_urls as places_of_issuer,
)
from mcp.client.auth.utils import (
    build_protected_resource_metadata_discovery_urls as places_of_resource,
)
from mcp.shared.auth_utils import resource_url_from_server_url
from pydantic import BaseModel, ValidationError

from security.authority.asking import shown_uri
from security.authority.errors import (
    AuthorityAnswerError,
    AuthorityAwayError,
    IssuerError,
    LoginError,
)
from security.authority.exchange import exchange
from security.authority.tokens import json_object
from security.egress import WayOut, check_url

_BUSY: Final = 429
_SERVER_ERRORS: Final = 500
_HEADERS: Final = {"accept": "application/json"}


class Resource(BaseModel, frozen=True):
    """What a server says of itself.

    Attributes:
        authorization_servers: Their issuers.
    """

    resource: str
    authorization_servers: tuple[str, ...]
    scopes_supported: tuple[str, ...] | None = None


class AuthorizationServer(BaseModel, frozen=True):
    """What an authorization server says of itself; what is not used is left out."""

    issuer: str
    token_endpoint: str
    token_endpoint_auth_methods_supported: tuple[str, ...] | None = None
    authorization_endpoint: str | None = None
    registration_endpoint: str | None = None
    scopes_supported: tuple[str, ...] | None = None
    code_challenge_methods_supported: tuple[str, ...] = ()
    authorization_response_iss_parameter_supported: bool = False
    client_id_metadata_document_supported: bool = False


M = TypeVar("M", Resource, AuthorizationServer)


async def resource_at(way: WayOut, endpoint: str, said: str | None) -> Resource | None:
    """Read what the server at an endpoint says of itself; None when it says nothing.

    Args:
        way: The way out.
        endpoint: Of the server.
        said: Where it says that its description is.

    Raises:
        IssuerError: The description is about somebody else.
        AuthorityAwayError: Nobody answers there, so it cannot be told.
        LoginError: It would be read over http, where anybody on the way could change it.
        EgressRefusedError: This installation does not send requests there.
    """
    shown = f"The MCP server at {shown_uri(endpoint)}"
    for place in places_of_resource(said, endpoint):
        check_safe(place, like=endpoint, shown=shown)
        found = await _read(way, place, f"{shown}, asked for its metadata,", Resource)
        if found is None:
            continue
        if found.resource not in _names(endpoint):
            raise IssuerError(
                f"{shown} has metadata about another resource than itself "
                f"({found.resource[:200]!a}), so no token was asked for. Whoever runs it has to "
                "write its address there, to the letter."
            )
        return found
    return None


async def authorization_server(way: WayOut, issuer: str) -> AuthorizationServer:
    """Read what an authorization server says of itself.

    Raises:
        IssuerError: What is found there is about somebody else.
        AuthorityAwayError: It does not answer.
        AuthorityAnswerError: It does not say where tokens are.
        LoginError: It would be asked over http.
        EgressRefusedError: This installation does not send requests there.
    """
    shown = f"The authorization server {shown_uri(issuer)}"
    check_url(issuer)
    for place in places_of_issuer(issuer, issuer):
        found = await _read(way, place, shown, AuthorizationServer)
        if found is None:
            continue
        if found.issuer != issuer:
            raise IssuerError(
                f"{shown} describes another issuer than itself ({found.issuer[:200]!a}), so it was "
                "not asked for a token. The issuer has to be written exactly as it is there, down "
                "to the last slash."
            )
        for named in (found.token_endpoint, *_optional(found)):
            check_safe(named, like=issuer, shown=shown)
        return found
    raise AuthorityAnswerError(
        f"{shown} does not say where it is asked for tokens: there is no metadata of RFC 8414 or "
        "OpenID Connect. Check the issuer, or write 'token_endpoint'."
    )


def check_safe(uri: str, *, like: str, shown: str) -> None:
    """Check an address that somebody else has named.

    Raises:
        LoginError: It is http although whoever named it is https.
        EgressRefusedError: It is no address at all.
    """
    if check_url(uri).scheme != "https" and like.lower().startswith("https:"):
        raise LoginError(
            f"{shown} names an address with http ({shown_uri(uri)[:200]}), where everybody on the "
            "way could read and change what is said. It has to be https."
        )


def resource_of(endpoint: str) -> str:
    """Return whom tokens for a server are for, when it does not say so (RFC 8707)."""
    return resource_url_from_server_url(endpoint)


def _optional(found: AuthorizationServer) -> Iterator[str]:
    for place in (found.authorization_endpoint, found.registration_endpoint):
        if place is not None:
            yield place


def _names(endpoint: str) -> tuple[str, ...]:
    """Return what a server may call itself: its address, or all of its host's."""
    own = resource_of(endpoint)
    parts = urlsplit(own)
    origin = f"{parts.scheme}://{parts.netloc}"
    return endpoint, own, origin, f"{origin}/"


async def _read(way: WayOut, place: str, shown: str, model: type[M]) -> M | None:
    """Read one description; None when there is none at this place."""
    answer = await exchange(way, "GET", place, shown, headers=_HEADERS)
    if answer.status_code >= _SERVER_ERRORS or answer.status_code == _BUSY:
        raise AuthorityAwayError(f"{shown} is out of order: it answered {answer.status_code}.")
    if not answer.is_success:
        return None
    try:
        found: Mapping[str, Any] = json_object(answer, shown)
        return model.model_validate(found)
    except (AuthorityAnswerError, ValidationError):
        return None  # some answer every address with a page
