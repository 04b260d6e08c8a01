"""A policy as the request that its authority gets: what is asked for, and by whom."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias
from urllib.parse import quote_plus, urlencode

from security.authority import assertions
from security.authority.completeness import lacking
from security.authority.errors import LoginError
from security.authority.types import Client, OidcProperties, PartyToken

Fields: TypeAlias = dict[str, str | Sequence[str]]

_FORM: Final = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class TokenPost:
    """What is posted to the token endpoint."""

    content: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


def token_post(properties: OidcProperties, endpoint: str, refresh: str | None) -> TokenPost:
    """Make the request for a token.

    Args:
        endpoint: Where it goes; assertions are made out to it.
        refresh: The newest refresh token, if the authority has exchanged the one of the policy.

    Raises:
        LoginError: When the policy is not complete.
    """
    if problems := list(lacking(properties.model_dump())):
        raise LoginError(" ".join(problems))
    fields = _asked_for(properties, refresh)
    return post_of(fields, properties.client, endpoint, properties.request.encoding)


def post_of(
    fields: Fields, client: Client | None, audience: str, encoding: str = _FORM
) -> TokenPost:
    """Make the request for a token of what is asked for and who asks.

    Args:
        fields: What is asked for.
        client: Who asks, and proves it.
        audience: Whom assertions are made out to.
        encoding: How it is written.

    Raises:
        LoginError: When the client's key or secret cannot be used.
    """
    fields = dict(fields)
    headers: dict[str, str] = {"accept": "application/json", "content-type": encoding}
    if client is not None:
        _prove(client, audience, fields, headers)
    return TokenPost(_encoded(fields, encoding), headers)


def _asked_for(properties: OidcProperties, refresh: str | None) -> Fields:
    fields: Fields = {"grant_type": properties.grant}
    if properties.scopes:
        fields["scope"] = " ".join(properties.scopes)
    if properties.audiences:
        fields["audience"] = properties.audiences
    match properties.grant:
        case "password":
            fields["username"] = properties.username or ""
            fields["password"] = properties.password or ""
        case "refresh_token" if properties.subject is not None:
            fields["refresh_token"] = refresh or properties.subject.token
        case "urn:ietf:params:oauth:grant-type:token-exchange":
            _name_party(fields, "subject", properties.subject)
            _name_party(fields, "actor", properties.actor)
        case _:
            pass  # the client speaks for itself
    return fields


def _name_party(fields: Fields, role: str, party: PartyToken | None) -> None:
    if party is not None:
        fields[f"{role}_token"] = party.token
        fields[f"{role}_token_type"] = party.type


def _prove(client: Client, audience: str, fields: Fields, headers: dict[str, str]) -> None:
    """Say which client asks, and prove it in the way that the policy names."""
    name, secret = client.id or "", client.secret or ""
    match client.authentication:
        case "client_secret_basic":
            # RFC 6749, 2.3.1: encoded like a form first, so that a colon divides them.
            pair = f"{quote_plus(name)}:{quote_plus(secret)}"
            headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
            return
        case "client_secret_post":
            fields["client_secret"] = secret
        case "client_secret_jwt":
            fields["client_assertion"] = assertions.signed_with_secret(name, secret, audience)
        case "private_key_jwt":
            fields["client_assertion"] = client.assertion or assertions.signed_with_key(
                name, secret, audience
            )
        case "none":
            pass
    if "client_assertion" in fields:
        fields["client_assertion_type"] = assertions.TYPE
    if name:
        fields["client_id"] = name


def _encoded(fields: Fields, encoding: str) -> bytes:
    if encoding == _FORM:
        # Several audiences repeat the name (RFC 8693, 2.1).
        return urlencode(fields, doseq=True).encode()
    single = {name: _single(value) for name, value in fields.items()}
    return json.dumps(single).encode()


def _single(value: str | Sequence[str]) -> str | Sequence[str]:
    """Write a list of one as what it holds."""
    return value[0] if len(value) == 1 and not isinstance(value, str) else value
