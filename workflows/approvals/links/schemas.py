"""What is shown of links. The token is in the address, and nowhere else."""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel


class LinkState(StrEnum):
    """Whether a link can be used."""

    OPEN = "OPEN"
    USED = "USED"
    REVOKED = "REVOKED"
    EXPIRED = "EXPIRED"


class LinkInfo(BaseModel, frozen=True):
    """One link of one person to one approval.

    Attributes:
        user_id: Who decides with it.
        decisions: What can be decided with it.
        used_for: What was decided with it.
    """

    id: str
    user_id: str
    decisions: list[str]
    state: LinkState
    made_at: datetime
    expires_at: datetime
    used_at: datetime | None
    used_for: str | None


class MadeLink(LinkInfo, frozen=True):
    """A link that was just made.

    Attributes:
        url: Whoever has it decides in this person's name. It is told once.
    """

    url: str


class LinkList(BaseModel, frozen=True):
    """Links to one approval, the newest first."""

    items: list[LinkInfo]
