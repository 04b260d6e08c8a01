"""What `call: approval` takes. What is written out is judged here, the rest when it is known."""

from collections.abc import Iterable
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from security.permissions import ROLES
from workflows.definition.arguments import Arguments, Computed, has_computed, is_expression
from workflows.definition.findings import Code, did_you_mean, shown
from workflows.definition.models.base import Given, Json, JsonMap, refusal
from workflows.definition.notify import Line, Recipients, Window
from workflows.definition.schemas import InvalidSchemaError, compile_schema

MAX_QUORUM: Final = 20
MAX_CANDIDATES: Final = 50
MAX_RUNGS: Final = 10


def _schema(form: JsonMap) -> JsonMap:
    if has_computed(form):
        return form
    try:
        compile_schema(form)
    except InvalidSchemaError as error:
        raise refusal(Code.INVALID_SCHEMA, str(error)) from None
    return form


def _roles(value: Json) -> Json:
    if is_expression(value):
        return value
    for each in value if isinstance(value, list) else [value]:
        if not isinstance(each, str):
            message = "This must be a role, a list of them, or an expression."
            raise refusal(Code.WRONG_TYPE, message)
        if not has_computed(each) and each not in ROLES:
            raise refusal(Code.WRONG_VALUE, no_role(each))
    return value


def no_role(name: str) -> str:
    """Say that there is no such role, and which ones there are."""
    hint = did_you_mean(name, ROLES) or f" Known: {', '.join(sorted(ROLES))}."
    return f"There is no role {shown(name)}.{hint}"


def _somebody(value: Json) -> Json:
    if isinstance(value, list) and not 1 <= len(value) <= MAX_CANDIDATES:
        message = f"There must be somebody here, and at most {MAX_CANDIDATES}."
        raise refusal(Code.WRONG_VALUE, message)
    return value


class CandidateArguments(Arguments):
    """Who may decide."""

    users: Given[Annotated[Recipients, AfterValidator(_somebody)]] = None
    roles: Given[Annotated[Json, AfterValidator(_roles), AfterValidator(_somebody)]] = None

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if self.users is None and self.roles is None:
            raise refusal(Code.MISSING_KEY, "One of 'users', 'roles' is missing.")
        return self

    @property
    def everybody(self) -> frozenset[str] | None:
        """All people who may decide; None when that is not known yet: roles, expressions."""
        if self.roles is not None or has_computed(self.users):
            return None
        users = self.users if isinstance(self.users, list) else [self.users]
        return frozenset(str(user).lower() for user in users)


def people_of(candidates: Iterable[object]) -> frozenset[str] | None:
    """Return all who may ever decide, or None when that is not known yet."""
    known: frozenset[str] = frozenset()
    for each in candidates:
        people = each.everybody if isinstance(each, CandidateArguments) else None
        if people is None:
            return None
        known |= people
    return known


def too_few(people: int, quorum: int) -> str:
    """Say that nobody can ever be asked often enough."""
    return (
        f"{quorum} have to approve, and only {people} can decide. Name others, a role, or a "
        "smaller quorum."
    )


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
    allow_requester: bool = False
    reminders: Given[Annotated[list[Window], Field(min_length=1, max_length=MAX_RUNGS)]] = None
    escalation: Given[Annotated[list[RungArguments], Field(min_length=1, max_length=MAX_RUNGS)]] = (
        None
    )
    # Judged by whom the arguments before it name.
    quorum: Computed[Annotated[int, Field(ge=1, le=MAX_QUORUM)]] = 1
    timeout: Given[ApprovalTimeoutArguments] = None
    on_reject: Literal["fault", "continue"] = "fault"
    notify: Given[Annotated[str, Field(min_length=1)]] = None

    @field_validator("quorum")
    @classmethod
    def _reachable(cls, quorum: int, info: ValidationInfo) -> int:
        is_known = not is_expression(quorum) and {"candidates", "escalation"} <= info.data.keys()
        if is_known:
            rungs: list[RungArguments] = info.data["escalation"] or []
            known = people_of([info.data["candidates"], *(rung.candidates for rung in rungs)])
            if known is not None and len(known) < quorum:
                raise refusal(Code.WRONG_VALUE, too_few(len(known), quorum))
        return quorum

    @model_validator(mode="after")
    def _a_ladder(self) -> Self:
        if self.timeout is not None and self.timeout.then == "escalate" and not self.escalation:
            raise refusal(
                Code.MISSING_KEY, "'escalation' is missing here: the timeout is to escalate."
            )
        return self
