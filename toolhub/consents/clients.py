"""As whom we ask: a client that is known, our own description, or one made for us (RFC 7591)."""

import json
from typing import Any, Final, cast
from urllib.parse import urlsplit

from pydantic import ValidationError

from security.authority.errors import AuthorityAnswerError, LoginError, LoginRefusedError
from security.authority.token_requests import TokenPost
from security.authority.tokens import json_object
from security.authority.types import Client, ClientAuthentication
from toolhub.consents.types import Agreed
from toolhub.logins.asking import Asking, shown_as
from toolhub.logins.metadata import AuthorizationServer
from toolhub.logins.types import PersonLogin

NAME: Final = "Millwright"
_WITH_SECRET: Final = ("client_secret_basic", "client_secret_post")
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_MAX_TEXT: Final = 16_384


def description(client_id: str, redirect_uri: str) -> dict[str, Any]:
    """Return what an authorization server may read about us, at the address that is our name."""
    return {"client_id": client_id, **_about(redirect_uri, "none")}


async def client_for(
    asking: Asking,
    about: AuthorizationServer,
    login: PersonLogin,
    *,
    before: Agreed | None,
    redirect_uri: str,
    described_at: str | None,
) -> tuple[Client, bool]:
    """Return as whom to ask, and whether that client was made for us.

    Args:
        asking: Reaches the authorization server.
        about: What that says of itself.
        login: What is registered.
        before: What was agreed to before.
        redirect_uri: Where people come back to.
        described_at: Where our own description is, if others can read it.

    Raises:
        LoginError: There is nobody to ask as.
        MillwrightError: The authorization server does not make a client for us.
    """
    if login.client is not None:
        return _known(login.client, about), False
    if (
        before is not None
        and before.made_for_us
        and (before.issuer, before.redirect_uri) == (about.issuer, redirect_uri)
    ):
        return before.client, True
    if described_at is not None and about.client_id_metadata_document_supported:
        return Client(id=described_at, authentication="none"), False
    if about.registration_endpoint is None:
        raise LoginError(
            f"{shown_as(about.issuer)} does not let clients register themselves. Have one made "
            f"there, with the redirect URI {redirect_uri}, and write its 'client_id' to the "
            "credential."
        )
    return await _made(asking, about, about.registration_endpoint, redirect_uri), True


def _known(client: Client, about: AuthorizationServer) -> Client:
    if client.secret is None:
        return client
    methods = about.token_endpoint_auth_methods_supported
    way = next((way for way in _WITH_SECRET if methods is None or way in methods), None)
    if way is None:
        raise LoginError(
            f"{shown_as(about.issuer)} takes no client secret, but: "
            f"{', '.join(methods or ())[:200]}."
        )
    return client.model_copy(update={"authentication": way})


async def _made(
    asking: Asking, about: AuthorizationServer, endpoint: str, redirect_uri: str
) -> Client:
    shown = shown_as(about.issuer)
    methods = about.token_endpoint_auth_methods_supported
    way = next((way for way in ("none", *_WITH_SECRET) if methods and way in methods), None)
    body = json.dumps(_about(redirect_uri, way or "client_secret_basic")).encode()
    post = TokenPost(body, {"accept": "application/json", "content-type": "application/json"})
    answer = await asking.posted(endpoint, shown, post)
    if answer.status_code not in {200, 201}:
        raise LoginRefusedError(
            f"{shown} did not register us as a client (HTTP {answer.status_code}). Have a client "
            f"made there, with the redirect URI {redirect_uri}, and write its 'client_id' to the "
            "credential."
        )
    return _client(json_object(answer, shown), way or "client_secret_basic", shown)


def _client(made: Any, asked: str, shown: str) -> Client:
    secret = made.get("client_secret") or None
    way = made.get("token_endpoint_auth_method") or (asked if secret else "none")
    if way in _WITH_SECRET and secret is None:
        raise AuthorityAnswerError(f"{shown} registered us for '{way}' and gave no secret.")
    if way not in {"none", *_WITH_SECRET}:
        raise AuthorityAnswerError(f"{shown} registered us for {str(way)[:60]!a}, which we cannot.")
    try:
        client = Client(
            id=made.get("client_id"),
            secret=None if way == "none" else secret,
            authentication=cast(ClientAuthentication, way),
        )
    except ValidationError:
        raise AuthorityAnswerError(f"{shown} registered us and gave no client of OAuth.") from None
    if not client.id or len(client.id) + len(client.secret or "") > _MAX_TEXT:
        raise AuthorityAnswerError(f"{shown} registered us and gave no 'client_id'.")
    return client


def _about(redirect_uri: str, way: str) -> dict[str, Any]:
    native = urlsplit(redirect_uri).hostname in _LOOPBACK
    return {
        "client_name": NAME,
        "redirect_uris": [redirect_uri],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": way,
        "application_type": "native" if native else "web",
    }
