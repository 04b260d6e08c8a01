"""What `call: approval` takes. What is written out is judged here, the rest when it is known."""

from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from workflows.definition.arguments import Arguments, Computed, has_computed
from workflows.definition.findings import Code
from workflows.definition.models.base import Given, Json, JsonMap, refusal
from workflows.definition.notify import Line, Recipients, Window
from workflows.definition.schemas import InvalidSchemaError, compile_schema

MAX_QUORUM: Final = 20
MAX_RUNGS: Final = 10


def _schema(form: JsonMap) -> JsonMap:
    if has_computed(form):
        return form
    try:
        compile_schema(form)
    except InvalidSchemaError as error:
        raise refusal(Code.INVALID_SCHEMA, str(error)) from None
    return form


class CandidateArguments(Arguments):
    """Who may decide."""

    users: Given[Recipients] = None
    roles: Given[Json] = None

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if self.users is None and self.roles is None:
            raise refusal(Code.MISSING_KEY, "One of 'users', 'roles' is missing.")
        return self


class RungArguments(Arguments):
    """Who may decide as well, when nobody has so long after the step before."""

    after: Window
    candidates: Computed[CandidateArguments]


class ApprovalTimeoutArguments(Arguments):
    """What counts when nobody has decided in time."""

    after: Window
    then: Literal["reject", "approve", "escalate", "default"] = "reject"
    value: Json = None


class ApprovalArguments(Arguments):
    """A decision by people."""

    title: Line
    description: Given[Annotated[str, Field(min_length=1)]] = None
    data: Json = None
    form: Given[Computed[Annotated[JsonMap, AfterValidator(_schema)]]] = None
    candidates: Computed[CandidateArguments]
    quorum: Computed[Annotated[int, Field(ge=1, le=MAX_QUORUM)]] = 1
    allow_requester: bool = False
    reminders: Given[Annotated[list[Window], Field(min_length=1, max_length=MAX_RUNGS)]] = None
    escalation: Given[Annotated[list[RungArguments], Field(min_length=1, max_length=MAX_RUNGS)]] = (
        None
    )
    timeout: Given[ApprovalTimeoutArguments] = None
    on_reject: Literal["fault", "continue"] = "fault"
    notify: Given[Annotated[str, Field(min_length=1)]] = None

    @model_validator(mode="after")
    def _a_ladder(self) -> Self:
        if self.timeout is not None and self.timeout.then == "escalate" and not self.escalation:
            raise refusal(
                Code.MISSING_KEY, "'escalation' is missing here: the timeout is to escalate."
            )
        return self
