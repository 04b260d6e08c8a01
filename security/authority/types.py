"""What a token depends on, as it crosses the wire. Fields are added, never renamed.

The properties of OAuth 2 and OpenID Connect are spelled as the language spells them, since a whole
policy may stand in a secret.
"""

from typing import Literal, TypeAlias

from pydantic import BaseModel, Field

Grant: TypeAlias = Literal[
    "authorization_code",
    "client_credentials",
    "password",
    "refresh_token",
    "urn:ietf:params:oauth:grant-type:token-exchange",
]
ClientAuthentication: TypeAlias = Literal[
    "client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt", "none"
]


class Client(BaseModel, frozen=True):
    """Who asks for a token.

    Attributes:
        secret: For `private_key_jwt` the private key, as PEM or JWK.
        assertion: A JWT that is signed already.
    """

    id: str | None = None
    secret: str | None = Field(default=None, repr=False)
    assertion: str | None = Field(default=None, repr=False)
    authentication: ClientAuthentication = "client_secret_post"


class TokenRequest(BaseModel, frozen=True):
    """How it is asked for."""

    encoding: Literal["application/x-www-form-urlencoded", "application/json"] = (
        "application/x-www-form-urlencoded"
    )


class PartyToken(BaseModel, frozen=True):
    """A token that somebody has already, to be exchanged."""

    token: str = Field(repr=False)
    type: str


class Endpoints(BaseModel, frozen=True):
    """Where an authority is asked; relative to it."""

    token: str = "/oauth2/token"  # noqa: S105 - a path


class OidcProperties(BaseModel, frozen=True):
    """Everything that a token depends on."""

    authority: str
    grant: Grant
    client: Client | None = None
    request: TokenRequest = TokenRequest()
    issuers: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    audiences: tuple[str, ...] = ()
    username: str | None = None
    password: str | None = Field(default=None, repr=False)
    subject: PartyToken | None = None
    actor: PartyToken | None = None


class OAuth2Properties(OidcProperties, frozen=True):
    """The same, where the endpoints are said instead of discovered."""

    endpoints: Endpoints = Endpoints()


class OidcLogin(BaseModel, frozen=True):
    """A token of an authority that says by itself where it is asked."""

    scheme: Literal["oidc"]
    properties: OidcProperties


class OAuth2Login(BaseModel, frozen=True):
    """A token of an authority."""

    scheme: Literal["oauth2"]
    properties: OAuth2Properties


TokenLogin: TypeAlias = OAuth2Login | OidcLogin
