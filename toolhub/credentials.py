"""Credentials of MCP servers: sealed when they come in, headers when a call goes out.

Of one that gets tokens the authorization server is sealed, too: what may be seen of it is beside it
in the row, and decides nothing.

A sealed credential opens only for its tenant, its server and the very endpoint it was given for. So
it cannot be sent anywhere else, not even by somebody who can write to the table.
"""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Final
from uuid import UUID

from foundation.errors import InvalidInputError
from foundation.json import JsonObject
from security.authority.types import Client
from security.sealing import Sealer
from toolhub.logins.metadata import resource_of
from toolhub.logins.types import PersonLogin, Registered, TokenLogin
from toolhub.models import McpServer
from toolhub.schemas import (
    BasicCredential,
    BearerCredential,
    ClientCredential,
    Credential,
    HeaderCredential,
    HeadersCredential,
    NoCredential,
    PersonCredential,
    PlainCredential,
    QueryCredential,
)

PURPOSE: Final = "mcp-credential"
_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VALUE: Final = re.compile(r"[!-~]([ -~]*[!-~])?|")


@dataclass(frozen=True)
class Opened:
    """A credential as it is sent.

    Attributes:
        registered: Whose it is, and what tokens are got with.
    """

    registered: Registered
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)


class Credentials:
    """Seals what users hand in and opens it for calls."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def attach(self, server: McpServer, credential: Credential) -> None:
        """Put a credential, sealed, into the server's row.

        Raises:
            InvalidInputError: When it has characters that no header can carry.
        """
        server.credential_kind = credential.kind
        server.credential_header, server.credential_about = None, None
        server.credential_sealed = None
        match credential:
            case ClientCredential():
                self.attach_login(server, token_login(credential, server.endpoint))
            case PersonCredential():
                self.attach_person(server, person_login(credential))
            case QueryCredential():
                server.credential_header = credential.name
                self._seal(server, {credential.name: credential.value.get_secret_value()})
            case _:
                headers = as_headers(credential)
                server.credential_header = next(iter(headers)) if len(headers) == 1 else None
                if headers:
                    self._seal(server, headers)

    def attach_login(self, server: McpServer, login: TokenLogin) -> None:
        """Put what tokens are got with into the row, sealed, and beside it what is shown."""
        server.credential_about = about(login)
        self._seal(server, login.model_dump(mode="json"))

    def attach_person(self, server: McpServer, login: PersonLogin) -> None:
        """Put what a person is asked with into the row, sealed, and beside it what is shown."""
        server.credential_about = about_person(login)
        self._seal(server, login.model_dump(mode="json"))

    def open(self, server: McpServer) -> Opened:
        """Open a server's credential: what is sent.

        Raises:
            SealBrokenError: When it was sealed with another master key or for another endpoint.
        """
        registered = Registered(
            tenant_id=server.tenant_id,
            server_id=str(server.id),
            version=sha256((server.credential_sealed or "").encode()).hexdigest(),
        )
        if server.credential_sealed is None:
            return Opened(registered)
        record = _record(server.id, server.endpoint)
        plain = self._sealer.open(server.tenant_id, PURPOSE, record, server.credential_sealed)
        match server.credential_kind:
            case "oauth2-client-credentials":
                login = TokenLogin.model_validate_json(plain)
                return Opened(replace(registered, token=login))
            case "oauth2-authorization-code":
                person = PersonLogin.model_validate_json(plain)
                return Opened(replace(registered, person=person))
            case "query":
                return Opened(registered, query=json.loads(plain))
            case _:
                return Opened(registered, headers=json.loads(plain))

    def _seal(self, server: McpServer, what: JsonObject | dict[str, str]) -> None:
        record, plain = _record(server.id, server.endpoint), json.dumps(what).encode()
        server.credential_sealed = self._sealer.seal(server.tenant_id, PURPOSE, record, plain)


def token_login(credential: ClientCredential, endpoint: str) -> TokenLogin:
    """Return what tokens are got with, as far as the credential says it."""
    return TokenLogin(
        client=Client(id=credential.client_id, secret=credential.client_secret.get_secret_value()),
        proves=credential.authentication,
        issuer=credential.issuer,
        token_endpoint=credential.token_endpoint,
        scopes=tuple(credential.scopes or ()),
        may_ask_for_more=credential.scopes is None,
        resource=credential.resource or resource_of(endpoint),
    )


def person_login(credential: PersonCredential) -> PersonLogin:
    """Return what a person is asked to agree to."""
    secret, client = credential.client_secret, None
    if credential.client_id is not None:
        client = Client(
            id=credential.client_id,
            secret=None if secret is None else secret.get_secret_value(),
            authentication="none" if secret is None else "client_secret_basic",
        )
    return PersonLogin(
        client=client,
        issuer=credential.issuer,
        scopes=None if credential.scopes is None else tuple(credential.scopes),
        resource=credential.resource,
    )


def about_person(login: PersonLogin) -> JsonObject:
    """Return what may be seen of it."""
    return {
        "client_id": login.client.id if login.client else None,
        "issuer": login.issuer,
        "scopes": None if login.scopes is None else [*login.scopes],
        "resource": login.resource,
    }


def about(login: TokenLogin) -> JsonObject:
    """Return what may be seen of it."""
    return {
        "client_id": login.client.id,
        "authentication": login.proves,
        "issuer": login.issuer,
        "token_endpoint": login.token_endpoint,
        "scopes": [*login.scopes],
        "resource": login.resource,
    }


def as_headers(credential: PlainCredential) -> dict[str, str]:
    """Spell a credential as headers.

    Raises:
        InvalidInputError: When it has characters that no header can carry.
    """
    match credential:
        case NoCredential():
            headers = {}
        case BearerCredential():
            headers = {"Authorization": f"Bearer {credential.token.get_secret_value()}"}
        case BasicCredential():
            pair = f"{credential.username}:{credential.password.get_secret_value()}".encode()
            headers = {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
        case HeaderCredential():
            headers = {credential.name: credential.value.get_secret_value()}
        case HeadersCredential():
            headers = {name: each.get_secret_value() for name, each in credential.headers.items()}
    return checked_headers(headers)


def checked_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return headers that can be sent.

    Raises:
        InvalidInputError: Names the header that cannot; not its value, which may be a secret.
    """
    for name, value in headers.items():
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise InvalidInputError(
                f"The header {name[:100]!a} cannot be sent: it has line breaks, spaces around "
                "it, or letters outside ASCII. Check that it was copied completely and alone."
            )
    return dict(headers)


def _record(server_id: UUID, endpoint: str) -> str:
    return f"{server_id} {endpoint}"
