"""Where a registration came from, as it is kept with the server."""

from pydantic import BaseModel, Field


class Origin(BaseModel, frozen=True):
    """The document that a server was imported from; nothing secret of it is kept.

    Attributes:
        name: What its publisher calls it.
        choose: Which of its addresses or packages was taken.
        values: What was decided for it.
    """

    name: str
    version: str
    title: str = ""
    description: str = ""
    website: str = ""
    repository: str = ""
    choose: str
    values: dict[str, str | list[str]] = Field(default_factory=dict)
