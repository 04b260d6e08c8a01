"""As whom we ask: a client that is known, our own description, or one made for us (RFC 7591).

An authorization server could send people on to another one, and have what they come back with. So
each has an address of its own for coming back (RFC 9700, 4.4), to which others do not send anybody.
Our own description is good everywhere, its address, too: there, who answers has to say who it is.
"""

import json
import time
from dataclasses import dataclass
from hashlib import sha256
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
# A secret that ends within a day is not worth agreeing with.
_SOON_S: Final = 86_400.0
_MAX_TEXT: Final = 16_384
_DIGEST: Final = 32


@dataclass(frozen=True)
class Asker:
    """As whom we ask.

    Attributes:
        redirect_uri: Where people come back to.
        made_for_us: The authorization server has made that client for us.
        made_until: When its secret ends.
    """

    client: Client
    redirect_uri: str
    made_for_us: bool = False
    made_until: float | None = None


def back_from(issuer: str, redirect_uri: str) -> str:
    """Return where people come back to from one authorization server, below where all do."""
    return f"{redirect_uri}/{sha256(issuer.encode()).hexdigest()[:_DIGEST]}"


def description(client_id: str, redirect_uri: str) -> dict[str, Any]:
    """Return what an authorization server may read about us, at the address that is our name."""
    return {"client_id": client_id, **_about(redirect_uri, "none")}


async def client_for(
    tenant_id: str,
    asking: Asking,
    about: AuthorizationServer,
    login: PersonLogin,
    *,
    before: Agreed | None,
    redirect_uri: str,
    described_at: str | None,
) -> Asker:
    """Return as whom to ask.

    Args:
        tenant_id: Whose server it is.
        asking: Reaches the authorization server.
        about: What that says of itself.
        login: What is registered.
        before: What was agreed to before.
        redirect_uri: Where people come back to who are asked as our own description.
        described_at: Where our own description is, if others can read it.

    Raises:
        LoginError: There is nobody to ask as.
        MillwrightError: The authorization server does not make a client for us.
    """
    back = back_from(about.issuer, redirect_uri)
    if login.client is not None:
        return Asker(_known(login.client, about), back)
    if before is not None and _is_good(before, about.issuer, back):
        return Asker(before.client, back, made_for_us=True, made_until=before.made_until)
    described = about.client_id_metadata_document_supported
    if (
        described_at is not None
        and described
        and about.authorization_response_iss_parameter_supported
    ):
        return Asker(Client(id=described_at, authentication="none"), redirect_uri)
    if about.registration_endpoint is None:
        raise LoginError(
            f"{shown_as(about.issuer)} does not let clients register themselves. Have one made "
            f"there, with the redirect URI {back}, and write its 'client_id' to the credential."
        )
    return await _made(tenant_id, asking, about, about.registration_endpoint, back)


def _is_good(before: Agreed, issuer: str, redirect_uri: str) -> bool:
    """Tell whether a client that was made for us can be used again."""
    ended = before.made_until is not None and before.made_until < time.time() + _SOON_S
    same = (before.issuer, before.redirect_uri) == (issuer, redirect_uri)
    return before.made_for_us and same and not ended


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
    tenant_id: str, asking: Asking, about: AuthorizationServer, endpoint: str, redirect_uri: str
) -> Asker:
    shown = shown_as(about.issuer)
    methods = about.token_endpoint_auth_methods_supported
    way = next((way for way in ("none", *_WITH_SECRET) if methods and way in methods), None)
    body = json.dumps(_about(redirect_uri, way or "client_secret_basic")).encode()
    post = TokenPost(body, {"accept": "application/json", "content-type": "application/json"})
    answer = await asking.posted(tenant_id, endpoint, shown, post)
    if answer.status_code not in {200, 201}:
        raise LoginRefusedError(
            f"{shown} did not register us as a client (HTTP {answer.status_code}). Have a client "
            f"made there, with the redirect URI {redirect_uri}, and write its 'client_id' to the "
            "credential."
        )
    made = json_object(answer, shown)
    client = _client(made, way or "client_secret_basic", shown)
    ends = made.get("client_secret_expires_at")
    until = float(ends) if isinstance(ends, int | float) and ends > 0 else None
    return Asker(client, redirect_uri, made_for_us=True, made_until=until)


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
