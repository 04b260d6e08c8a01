"""Parameters and bodies of the approval routes. What is shown is `workflows.approvals.schemas`."""

from typing import Annotated

from fastapi import Path
from pydantic import BaseModel, Field

from foundation.json import JsonValue

ApprovalId = Annotated[str, Path(max_length=64, description="Its id.")]


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
