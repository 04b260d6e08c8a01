"""What is asked, agreed to, and shown of it."""

from datetime import datetime

from pydantic import BaseModel, Field

from security.authority.types import Client


class Asked(BaseModel, frozen=True):
    """What somebody is asked to agree to, and how his answer is exchanged: sealed as a whole.

    Attributes:
        client: As whom we ask.
        made_for_us: The authorization server has made that client for us.
        made_until: When its secret ends, in seconds after 1970; None: never.
        redirect_uri: Where he comes back to.
        verifier: Proves that whoever exchanges the answer has asked (RFC 7636).
        names_itself: The authorization server says with each answer who it is (RFC 9207).
    """

    issuer: str
    client: Client
    made_for_us: bool
    made_until: float | None = None
    redirect_uri: str
    resource: str
    scopes: tuple[str, ...]
    verifier: str = Field(repr=False)
    names_itself: bool


class Agreed(BaseModel, frozen=True):
    """What somebody has agreed to: sealed as a whole.

    Attributes:
        token: To be used now.
        refresh: What the next one is got with; None: nobody gave any.
    """

    issuer: str
    client: Client
    made_for_us: bool
    made_until: float | None = None
    redirect_uri: str
    resource: str
    scopes: tuple[str, ...]
    token: str = Field(repr=False)
    refresh: str | None = Field(repr=False)


class ConsentStart(BaseModel, frozen=True):
    """Where to agree.

    Attributes:
        url: To be opened in a browser by whoever asked for it.
        expires_at: It has to be done by then.
    """

    url: str
    expires_at: datetime


class ConsentInfo(BaseModel, frozen=True):
    """What somebody has agreed to.

    Attributes:
        issuer: The authorization server.
        scopes: What was asked for.
        wanted_scopes: What the server has missed since: agree again for these.
        renewable: It goes on until it is taken back there; otherwise it ends at `good_until`.
    """

    agreed_by: str
    agreed_at: datetime
    issuer: str
    client_id: str | None
    resource: str
    scopes: list[str]
    wanted_scopes: list[str]
    renewable: bool
    good_until: datetime


class ConsentAnswer(BaseModel, frozen=True):
    """What somebody comes back with, in the address that he is sent to.

    Attributes:
        came_to: That address, without what he comes with.
        iss: Who has asked him.
    """

    state: str
    came_to: str
    code: str | None = None
    iss: str | None = None
    error: str | None = None
