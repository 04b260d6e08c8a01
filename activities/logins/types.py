"""How a call logs in, as it crosses the wire. Fields are added, never renamed."""

import base64
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, Field

from security.authority.errors import LoginError
from security.authority.types import OAuth2Login, OidcLogin


class PlainLogin(BaseModel, frozen=True):
    """Credentials that are sent as they are, in whatever protocol."""

    scheme: Literal["basic", "bearer"]
    username: str = ""
    secret: str = Field(repr=False)

    @property
    def authorization(self) -> str:
        """The value of the header `Authorization`."""
        if self.scheme == "bearer":
            return f"Bearer {self.secret}"
        pair = f"{self.username}:{self.secret}".encode()
        return f"Basic {base64.b64encode(pair).decode()}"


class DigestLogin(BaseModel, frozen=True):
    """User name and password, never sent: HTTP proves that it knows them (RFC 7616)."""

    scheme: Literal["digest"]
    username: str
    secret: str = Field(repr=False)


def authorization(login: "Login") -> str:
    """Return the header `Authorization` of a login, where nobody answers challenges.

    Raises:
        LoginError: It would take a challenge.
    """
    if isinstance(login, PlainLogin):
        return login.authorization
    raise LoginError(f"'{login.scheme}' cannot be used for this call. Use another authentication.")


# What a request can be sent with.
ReadyLogin: TypeAlias = PlainLogin | DigestLogin
Login: TypeAlias = Annotated[
    PlainLogin | DigestLogin | OAuth2Login | OidcLogin, Field(discriminator="scheme")
]
