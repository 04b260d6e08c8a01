"""What is shown of secrets: everything but what they are."""

from datetime import UTC, datetime, timedelta
from typing import Final

from pydantic import BaseModel, Field

NAME_PATTERN: Final = "[A-Za-z_][A-Za-z0-9_-]{0,62}"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class SecretInfo(BaseModel, frozen=True):
    """A stored secret; its value is never shown.

    Attributes:
        version: Counts rotations.
    """

    name: str
    version: int = Field(description="Counts rotations.")
    created_at: datetime
    created_by: str = Field(description="Id of whoever stored it first.")
    updated_at: datetime = Field(description="When its value was given.")
    updated_by: str = Field(description="Id of whoever gave its value.")

    @property
    def etag(self) -> str:
        """What `If-Match` compares: another one after every rotation, also after a new start."""
        born = (self.created_at - _EPOCH) // timedelta(microseconds=1)
        return f'"{born:x}-{self.version}"'


class SecretPage(BaseModel, frozen=True):
    """Part of the list of secrets."""

    items: list[SecretInfo]
    next_page_token: str | None = Field(description="Where the next page begins; null at the end.")
