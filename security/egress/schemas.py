"""What is told of a tenant's rules about hosts."""

from datetime import datetime
from typing import Final

from pydantic import BaseModel, Field

MAX_RULES: Final = 200


class EgressState(BaseModel, frozen=True):
    """The rules of a tenant."""

    allow: list[str] = Field(description="Nothing but these may be asked; empty: everything.")
    deny: list[str] = Field(description="None of these may be asked, whatever is allowed.")
    version: int = Field(description="Counts changes; 0 while there was none.")
    changed_at: datetime | None = Field(default=None, description="Null while there was none.")
    changed_by: str | None = Field(default=None, description="Id of whoever changed them last.")

    @property
    def etag(self) -> str:
        """What `If-Match` is compared with."""
        return f'"{self.version}"'


class EgressVerdict(BaseModel, frozen=True):
    """Whether requests of a tenant go somewhere."""

    url: str
    allowed: bool
    why: str | None = Field(description="Why not, and who can change that.")
