"""How a server is logged in to, beyond headers that stay the same."""

from dataclasses import dataclass, field

from pydantic import BaseModel

from security.authority.types import Client


class TokenLogin(BaseModel, frozen=True):
    """What a token for a server is asked for with: sealed as a whole.

    Attributes:
        client: Who asks.
        proves: How the client proves who it is; None: as its authorization server likes it.
        issuer: The authorization server that the client belongs to; nobody else is asked.
        token_endpoint: Where it is asked, when that is not read from its metadata.
        scopes: What is asked for.
        may_ask_for_more: A server may say that it takes further scopes.
        resource: Whom tokens are for (RFC 8707).
    """

    client: Client
    proves: str | None = None
    issuer: str | None = None
    token_endpoint: str | None = None
    scopes: tuple[str, ...] = ()
    may_ask_for_more: bool = False
    resource: str


@dataclass(frozen=True, kw_only=True)
class Registered:
    """Which registration a destination comes from, and what it logs in with.

    Attributes:
        version: Another one after each change of the credential.
        stored: It is not only tried: what is stored by now takes its place.
        token: What tokens are asked for with, when it takes any.
    """

    tenant_id: str
    server_id: str
    version: str
    stored: bool = True
    token: TokenLogin | None = field(default=None, repr=False)
