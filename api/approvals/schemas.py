"""Parameters and bodies of the approval routes. What is shown is `workflows.approvals.schemas`."""

from typing import Annotated

from fastapi import Path, Query
from pydantic import BaseModel, Field

from foundation.json import JsonValue
from workflows.approvals.links.grant import CHOICES, Choice

ApprovalId = Annotated[str, Path(max_length=64, description="Its id.")]
LinkId = Annotated[str, Path(max_length=64, description="Id of the link, which is not the link.")]
Everybody = Annotated[bool, Query(description="Also those of others; needs 'approval:manage'.")]


class DecisionRequest(BaseModel, extra="forbid", frozen=True):
    """What the caller says."""

    data_hash: str = Field(
        pattern=r"^[0-9a-f]{64}$",
        description="`data_hash` of the approval as the person has seen it.",
    )
    form: JsonValue = Field(default=None, description="What the person filled in.")
    comment: str | None = Field(default=None, max_length=2_000)


class DelegationRequest(BaseModel, extra="forbid", frozen=True):
    """Who is to decide instead."""

    to: str = Field(pattern=r"^[^@\s]+@[^@\s]+$", max_length=254, description="A mail address.")


class LinkRequest(BaseModel, extra="forbid", frozen=True):
    """What a link is to be good for."""

    decisions: list[Choice] = Field(default=list(CHOICES), min_length=1, max_length=len(CHOICES))
