"""How a call logs in."""

from typing import Annotated, Literal, Self, TypeAlias

from pydantic import BaseModel, Discriminator, Field, Tag, model_validator

from workflows.definition.findings import Code
from workflows.definition.models.base import NOT_A_KEY, Given, Many, Model, exactly_one

_SECRET = f"{NOT_A_KEY}secret"
_INLINE = f"{NOT_A_KEY}inline"


class SecretReference(Model):
    """The properties are in a secret."""

    use: str = Field(min_length=1)


class BasicAuthentication(Model):
    """User name and password."""

    username: str
    password: str


class BearerAuthentication(Model):
    """A token."""

    token: str


class DigestAuthentication(Model):
    """User name and password, never sent."""

    username: str
    password: str


class OAuth2Client(Model):
    """Who asks for the token."""

    id: Given[str] = None
    secret: Given[str] = None
    assertion: Given[str] = None
    authentication: Literal[
        "client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt", "none"
    ] = "client_secret_post"


class OAuth2TokenRequest(Model):
    """How the token is asked for."""

    encoding: Literal["application/x-www-form-urlencoded", "application/json"] = (
        "application/x-www-form-urlencoded"
    )


class OAuth2Token(Model):
    """A token of somebody."""

    token: str
    type: str


class OAuth2Endpoints(Model):
    """Paths on the authority."""

    token: str = "/oauth2/token"  # noqa: S105 - a path
    revocation: str = "/oauth2/revoke"
    introspection: str = "/oauth2/introspect"


class OidcAuthentication(Model):
    """OpenID Connect; the endpoints are discovered."""

    authority: str
    grant: Literal[
        "authorization_code",
        "client_credentials",
        "password",
        "refresh_token",
        "urn:ietf:params:oauth:grant-type:token-exchange",
    ]
    client: Given[OAuth2Client] = None
    request: Given[OAuth2TokenRequest] = None
    issuers: Many[str] = ()
    scopes: Many[str] = ()
    audiences: Many[str] = ()
    username: Given[str] = None
    password: Given[str] = None
    subject: Given[OAuth2Token] = None
    actor: Given[OAuth2Token] = None


class OAuth2Authentication(OidcAuthentication):
    """OAuth 2; the endpoints may be given."""

    endpoints: Given[OAuth2Endpoints] = None


def _secret_or_inline(value: object) -> str | None:
    if isinstance(value, BaseModel):
        return _SECRET if isinstance(value, SecretReference) else _INLINE
    if isinstance(value, dict):
        return _SECRET if "use" in value else _INLINE
    return None


_CHOICE = Discriminator(
    _secret_or_inline,
    custom_error_type=Code.WRONG_TYPE.value,
    custom_error_message="This must be an object with the properties of the policy.",
)
_Secret: TypeAlias = Annotated[SecretReference, Tag(_SECRET)]


_Basic: TypeAlias = Annotated[Annotated[BasicAuthentication, Tag(_INLINE)] | _Secret, _CHOICE]
_Bearer: TypeAlias = Annotated[Annotated[BearerAuthentication, Tag(_INLINE)] | _Secret, _CHOICE]
_Digest: TypeAlias = Annotated[Annotated[DigestAuthentication, Tag(_INLINE)] | _Secret, _CHOICE]
_OAuth2: TypeAlias = Annotated[Annotated[OAuth2Authentication, Tag(_INLINE)] | _Secret, _CHOICE]
_Oidc: TypeAlias = Annotated[Annotated[OidcAuthentication, Tag(_INLINE)] | _Secret, _CHOICE]


class AuthenticationPolicy(Model):
    """One policy, under the name of its scheme."""

    basic: Given[_Basic] = None
    bearer: Given[_Bearer] = None
    digest: Given[_Digest] = None
    oauth2: Given[_OAuth2] = None
    oidc: Given[_Oidc] = None

    @model_validator(mode="after")
    def _one_scheme(self) -> Self:
        exactly_one(self, *type(self).model_fields)
        return self


class AuthenticationSpec(AuthenticationPolicy):
    """A policy, or the name of one in `use.authentications`."""

    use: Given[Annotated[str, Field(min_length=1)]] = None
