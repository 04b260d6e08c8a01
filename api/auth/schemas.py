"""Bodies of the log-in routes."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from security.accounts.schemas import TokenPair
from security.passwords import MAX_CHARS
from security.principal import Principal


class LoginRequest(BaseModel):
    """E-mail address and password; the tenant when the address is known in several."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    email: Annotated[str, Field(min_length=3, max_length=254, examples=["ana@plant.example"])]
    password: Annotated[SecretStr, Field(min_length=1, max_length=MAX_CHARS)]
    tenant: Annotated[str | None, Field(max_length=63, examples=["plant-7"])] = None


class RefreshRequest(BaseModel):
    """The refresh token of the last log-in or refresh. It is good once."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    refresh_token: Annotated[SecretStr, Field(min_length=1, max_length=256)]


class Tokens(BaseModel, frozen=True):
    """An access token for `Authorization: Bearer`, and what gets the next one."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the name of a scheme
    expires_in: Annotated[int, Field(description="Seconds the access token is good for.")]
    refresh_token: str
    refresh_expires_at: datetime

    @classmethod
    def of(cls, pair: TokenPair) -> "Tokens":
        """Spell a pair for the wire."""
        return cls(
            access_token=pair.access_token,
            expires_in=pair.expires_in,
            refresh_token=pair.refresh_token,
            refresh_expires_at=pair.refresh_expires_at,
        )


class Me(BaseModel, frozen=True):
    """The caller, as the access token describes him."""

    tenant_id: str
    user_id: str
    email: str
    roles: list[str]
    permissions: list[str]

    @classmethod
    def of(cls, principal: Principal) -> "Me":
        """Spell a caller for the wire."""
        return cls(
            tenant_id=principal.tenant_id,
            user_id=principal.subject,
            email=principal.email,
            roles=sorted(principal.roles),
            permissions=sorted(principal.permissions),
        )


class JsonWebKeySet(BaseModel, frozen=True):
    """Public keys that verify our access tokens (RFC 7517)."""

    keys: list[dict[str, str]]
