"""Credentials of MCP servers: sealed when they come in, headers when a call goes out.

A sealed credential opens only for its tenant, its server and the very endpoint it was given for. So
it cannot be sent anywhere else, not even by somebody who can write to the table.
"""

import base64
import json
import re
from collections.abc import Mapping
from typing import Final
from uuid import UUID

from foundation.errors import InvalidInputError
from security.sealing import Sealer
from toolhub.models import McpServer
from toolhub.schemas import (
    BasicCredential,
    BearerCredential,
    Credential,
    HeaderCredential,
    NoCredential,
)

PURPOSE: Final = "mcp-credential"
_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VALUE: Final = re.compile(r"[!-~]([ -~]*[!-~])?|")


class Credentials:
    """Seals what users hand in and opens it for calls."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def attach(self, server: McpServer, credential: Credential) -> None:
        """Put a credential, sealed, into the server's row.

        Raises:
            InvalidInputError: When it has characters that no header can carry.
        """
        headers = as_headers(credential)
        server.credential_kind = credential.kind
        server.credential_header = next(iter(headers), None)
        server.credential_sealed = None
        if headers:
            plain = json.dumps(headers).encode()
            record = _record(server.id, server.endpoint)
            server.credential_sealed = self._sealer.seal(server.tenant_id, PURPOSE, record, plain)

    def headers(self, server: McpServer) -> dict[str, str]:
        """Open a server's credential: the headers to send.

        Raises:
            SealBrokenError: When it was sealed with another master key or for another endpoint.
        """
        if server.credential_sealed is None:
            return {}
        record = _record(server.id, server.endpoint)
        plain = self._sealer.open(server.tenant_id, PURPOSE, record, server.credential_sealed)
        headers: dict[str, str] = json.loads(plain)
        return headers


def as_headers(credential: Credential) -> dict[str, str]:
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
