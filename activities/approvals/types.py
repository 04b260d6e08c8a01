"""What crosses the wire between a run that waits for people, and the inbox where they see it."""

from datetime import datetime
from enum import StrEnum
from typing import Final

from pydantic import BaseModel, Field

from foundation.json import JsonObject, JsonValue

# The end of the year 9999: no calendar can show what comes later.
_LAST_MOMENT: Final = 253402300799.0


class ApprovalStatus(StrEnum):
    """Where an approval is."""

    PENDING = "PENDING"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    # Nobody decided in time, and the definition says what counts then.
    DEFAULTED = "DEFAULTED"
    # The run went another way: a timeout around it, another branch, somebody stopped it.
    CANCELLED = "CANCELLED"


class Person(BaseModel, frozen=True):
    """Who decides, as the verified token says."""

    id: str
    email: str
    roles: list[str] = []


class Vote(BaseModel, frozen=True):
    """What one person has said.

    Attributes:
        approves: Yes or no.
        data_hash: Of the data that the person saw.
        form: What the person filled in.
        signature: By which it can be verified later that the person said this of that data, then,
            in these roles.
        at: When, in seconds after 1970, as it is signed; 0 in decisions of before it was.
    """

    person: Person
    approves: bool
    data_hash: str
    form: JsonValue = None
    comment: str | None = None
    signature: str = ""
    at: float = Field(default=0.0, ge=0.0, le=_LAST_MOMENT)


class Telling(BaseModel, frozen=True):
    """Who tells of an approval.

    Attributes:
        run_id: In Temporal. A run that goes on for another one has its own, and so has one that was
            reset, which asks again what was decided after the moment it went back to.
        at: When the run wanted it told.
    """

    run_id: str
    at: datetime


class Approval(BaseModel, frozen=True):
    """An approval as the inbox shows it; sent whole with every change.

    Attributes:
        revision: Of these contents; an older one of the same run never replaces a newer one.
        asked_by: The run in Temporal that asked it, or asked it anew because somebody had reset it.
        told_by: The run in Temporal that told it; the inbox writes it down.
        workflow_id: The run that waits.
        execution: The task of it that waits.
        data: What is to be approved.
        data_hash: SHA-256 of its canonical spelling.
        form: JSON Schema of what approvers fill in.
        users: Mail addresses of those who may decide.
        roles: Roles whose members may decide.
        excluded: Ids of those who may not: who asked, who has handed it on.
        handed: Mail addresses of those who have handed it on; nobody hands it back to them.
        quorum: How many have to approve.
        due_at: When it ends by itself, in seconds after 1970.
    """

    tenant_id: str
    id: str
    revision: int
    asked_by: str = ""
    told_by: str = ""
    workflow_id: str
    execution: str
    title: str
    description: str | None = None
    data: JsonValue = None
    data_hash: str
    form: JsonObject | None = None
    users: list[str] = []
    roles: list[str] = []
    excluded: list[str] = []
    handed: list[str] = []
    quorum: int = Field(default=1, ge=1)
    status: ApprovalStatus = ApprovalStatus.PENDING
    votes: list[Vote] = []
    opened_at: float
    due_at: float | None = None
    closed_at: float | None = None
