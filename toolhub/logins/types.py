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


class PersonLogin(BaseModel, frozen=True):
    """What a person is asked to agree to, as far as the credential says it: sealed as a whole.

    Attributes:
        client: Who asks; None: the authorization server gets to know us.
        issuer: The authorization server; None: the server says it.
        scopes: What is asked for, and nothing more; None: the server says it.
        resource: Whom tokens are for; None: the server says it.
    """

    client: Client | None = None
    issuer: str | None = None
    scopes: tuple[str, ...] | None = None
    resource: str | None = None


@dataclass(frozen=True, kw_only=True)
class Registered:
    """Which registration a destination comes from, and what it logs in with.

    Attributes:
        version: Another one after each change of the credential.
        stored: It is not only tried: what is stored by now takes its place.
        token: What tokens are asked for with, when it takes any.
        person: What a person agrees to, when it takes tokens of people.
    """

    tenant_id: str
    server_id: str
    version: str
    stored: bool = True
    token: TokenLogin | None = field(default=None, repr=False)
    person: PersonLogin | None = field(default=None, repr=False)

    @property
    def takes_tokens(self) -> bool:
        """Whether it takes tokens, and no credential that stays the same."""
        return self.token is not None or self.person is not None
