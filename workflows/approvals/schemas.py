"""What is shown of an approval."""

from datetime import datetime

from pydantic import BaseModel

from activities.approvals.types import ApprovalStatus
from foundation.json import JsonObject, JsonValue


class VoteInfo(BaseModel, frozen=True):
    """What one person has said.

    Attributes:
        roles: Those that the person had then.
        verified: The signature is that of this person's decision on the data shown here.
        moment_verified: It is that of a decision at this moment, in these roles, too: what older
            versions signed leaves them out.
    """

    by: str
    roles: list[str]
    approves: bool
    comment: str | None
    form: JsonValue
    at: datetime
    verified: bool
    moment_verified: bool


class ApprovalInfo(BaseModel, frozen=True):
    """What waits for people, or has waited.

    Attributes:
        instance_id: The instance that waits; `execution` is its task.
        data: What is to be approved; `data_hash` has to be sent with a decision.
        form: JSON Schema of what approvers fill in.
        mine: The caller may decide it now.
    """

    id: str
    instance_id: str
    execution: str
    title: str
    description: str | None
    data: JsonValue
    data_hash: str
    form: JsonObject | None
    users: list[str]
    roles: list[str]
    quorum: int
    status: ApprovalStatus
    votes: list[VoteInfo]
    opened_at: datetime
    due_at: datetime | None
    closed_at: datetime | None
    mine: bool


class ApprovalPage(BaseModel, frozen=True):
    """Approvals, the newest first."""

    items: list[ApprovalInfo]
    next_page_token: str | None = None
