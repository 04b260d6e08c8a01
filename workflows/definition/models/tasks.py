"""The kinds of tasks, and how a task says which one it is."""

from collections.abc import Mapping
from functools import cache
from itertools import islice
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import BeforeValidator, Discriminator, Field, Tag

from workflows.definition.findings import Code, did_you_mean, shown
from workflows.definition.models.asyncapi import AsyncApiArguments, AsyncApiSubscription
from workflows.definition.models.base import (
    NOT_A_KEY,
    OBJECT,
    ONLY_MEMBER,
    TEXT,
    Given,
    JsonMap,
    Many,
    Model,
    Named,
    choice,
    refusal,
    single_member,
    wire_name,
)
from workflows.definition.models.calls import (
    A2aArguments,
    GrpcArguments,
    HttpArguments,
    McpArguments,
    OpenApiArguments,
)
from workflows.definition.models.data_flow import ExportFilter, InputFilter, OutputFilter
from workflows.definition.models.errors import CatchSpec, RaiseSpec
from workflows.definition.models.events import EmitSpec, ListenSpec, SubscriptionIterator
from workflows.definition.models.metadata import (
    DocumentMetadata,
    Metadata,
    TaskMetadata,
    WorkflowMetadata,
)
from workflows.definition.models.run import RunSpec
from workflows.definition.models.task_list import TaskItem, TaskList
from workflows.definition.models.values import DurationSpec, Timeout


@cache
def _nothing_wanted() -> TaskMetadata:
    return TaskMetadata()


class TaskBase(Model):
    """What every task can have."""

    if_: Given[str] = None
    input: Given[InputFilter] = None
    output: Given[OutputFilter] = None
    export: Given[ExportFilter] = None
    timeout: Given[Timeout] = None
    then: Given[str] = None
    metadata: Given[Metadata] = None

    @property
    def millwright(self) -> TaskMetadata:
        """What the task wants of the engine."""
        given = self.metadata.millwright if self.metadata else None
        return given or _nothing_wanted()


class CallHttp(TaskBase):
    """One HTTP request."""

    call: Literal["http"]
    with_: HttpArguments


class CallOpenApi(TaskBase):
    """One operation of an API that describes itself."""

    call: Literal["openapi"]
    with_: OpenApiArguments


class CallMcp(TaskBase):
    """One request to an MCP server."""

    call: Literal["mcp"]
    with_: McpArguments


class CallGrpc(TaskBase):
    """One gRPC call."""

    call: Literal["grpc"]
    with_: GrpcArguments


class CallAsyncApi(TaskBase):
    """Send a message, or take some."""

    call: Literal["asyncapi"]
    with_: AsyncApiArguments


class CallA2a(TaskBase):
    """One request to an agent."""

    call: Literal["a2a"]
    with_: A2aArguments


class CallFunction(TaskBase):
    """A function of `use.functions` or of the catalogue."""

    call: str
    with_: Given[JsonMap] = None


class DoTask(TaskBase):
    """Tasks in order."""

    do: TaskList


class EmitTask(TaskBase):
    """An event."""

    emit: EmitSpec


class ForSpec(Model):
    """What to loop over, and what one item is called."""

    each: str = "item"
    in_: Annotated[
        Annotated[str, Tag(TEXT)] | Annotated[list[JsonMap], Tag(OBJECT)],
        choice("an expression", "a list of objects"),
    ]
    at: str = "index"


class ForTask(TaskBase):
    """Tasks once per item."""

    for_: ForSpec
    while_: Given[str] = None
    do: TaskList


class ForkSpec(Model):
    """Tasks at the same time."""

    branches: TaskList
    compete: bool = False


class ForkTask(TaskBase):
    """Tasks at the same time."""

    fork: ForkSpec


class ListenTask(TaskBase):
    """Wait for events."""

    listen: ListenSpec
    foreach: Given[SubscriptionIterator] = None


class RaiseTask(TaskBase):
    """Fault on purpose."""

    raise_: RaiseSpec


class RunTask(TaskBase):
    """A process or another workflow."""

    run: RunSpec


class SetTask(TaskBase):
    """Build a value."""

    set: Annotated[
        Annotated[str, Tag(TEXT)] | Annotated[Annotated[JsonMap, Field(min_length=1)], Tag(OBJECT)],
        choice("an expression", "an object"),
    ]


class SwitchOutcome(Model):
    """Where to go when the condition holds; without a condition it is the default."""

    when: Given[str] = None
    then: str


class SwitchCase(Named):
    """`- name: {when: ..., then: ...}`."""

    case: SwitchOutcome = Field(alias=ONLY_MEMBER)

    @property
    def when(self) -> str | None:
        """Condition; None for the default."""
        return self.case.when

    @property
    def then(self) -> str:
        """Where to go."""
        return self.case.then


class SwitchTask(TaskBase):
    """Choose where to go."""

    switch: Annotated[
        Many[Annotated[SwitchCase, BeforeValidator(single_member("A case"))]], Field(min_length=1)
    ]


class TryTask(TaskBase):
    """Tasks whose faults are caught."""

    try_: TaskList
    catch: CatchSpec


class WaitTask(TaskBase):
    """A pause."""

    wait: DurationSpec


KINDS: Final = (
    "call",
    "do",
    "emit",
    "for",
    "fork",
    "listen",
    "raise",
    "run",
    "set",
    "switch",
    "try",
    "wait",
)
_CALLS: Final[Mapping[str, type[TaskBase]]] = {
    "http": CallHttp,
    "openapi": CallOpenApi,
    "mcp": CallMcp,
    "grpc": CallGrpc,
    "asyncapi": CallAsyncApi,
    "a2a": CallA2a,
}
RESERVED_CALLS: Final = frozenset(_CALLS)
_COMPARED_KEYS: Final = 10


def kinds_in(task: Mapping[str, Any]) -> list[str]:
    """Name the kinds that a task's keys declare; a good task has one."""
    found = [kind for kind in KINDS if kind in task]
    # The `do` of a loop is its body.
    return [kind for kind in found if kind != "do" or "for" not in task]


def _one_kind(value: object) -> object:
    if isinstance(value, TaskBase):
        return value
    if not isinstance(value, dict):
        raise refusal(Code.WRONG_TYPE, "A task must be an object, such as {set: {...}}.")
    if len(kinds_in(value)) != 1:
        # Explained only when the finding is shown: looking for what was meant takes time.
        raise refusal(Code.TASK_KIND, "A task does one thing.")
    return value


def explain_kind(task: Mapping[str, Any]) -> str:
    """Say what is wrong with a task that declares no kind or several."""
    found = kinds_in(task)
    if found:
        named = " and ".join(map(shown, found))
        return f"A task does one thing; this one has {named}. Split it."
    common = {wire_name(name) for name in TaskBase.model_fields}
    others = islice((key for key in task if key not in common), _COMPARED_KEYS)
    hint = next((hint for key in others if (hint := did_you_mean(key, KINDS))), "")
    return f"This task does not say what to do: it has none of {', '.join(KINDS)}.{hint}"


def _tag(task: type[TaskBase]) -> str:
    return f"{NOT_A_KEY}{task.__name__}"


def _tag_of(value: object) -> str | None:
    if isinstance(value, TaskBase):
        return _tag(type(value))
    if not isinstance(value, dict):
        return None
    kind = kinds_in(value)[0]
    if kind != "call":
        return f"{NOT_A_KEY}{kind.capitalize()}Task"
    call = value["call"]
    return _tag(_CALLS.get(call, CallFunction) if isinstance(call, str) else CallFunction)


Task: TypeAlias = Annotated[
    Annotated[CallHttp, Tag(_tag(CallHttp))]
    | Annotated[CallOpenApi, Tag(_tag(CallOpenApi))]
    | Annotated[CallMcp, Tag(_tag(CallMcp))]
    | Annotated[CallGrpc, Tag(_tag(CallGrpc))]
    | Annotated[CallAsyncApi, Tag(_tag(CallAsyncApi))]
    | Annotated[CallA2a, Tag(_tag(CallA2a))]
    | Annotated[CallFunction, Tag(_tag(CallFunction))]
    | Annotated[DoTask, Tag(_tag(DoTask))]
    | Annotated[EmitTask, Tag(_tag(EmitTask))]
    | Annotated[ForTask, Tag(_tag(ForTask))]
    | Annotated[ForkTask, Tag(_tag(ForkTask))]
    | Annotated[ListenTask, Tag(_tag(ListenTask))]
    | Annotated[RaiseTask, Tag(_tag(RaiseTask))]
    | Annotated[RunTask, Tag(_tag(RunTask))]
    | Annotated[SetTask, Tag(_tag(SetTask))]
    | Annotated[SwitchTask, Tag(_tag(SwitchTask))]
    | Annotated[TryTask, Tag(_tag(TryTask))]
    | Annotated[WaitTask, Tag(_tag(WaitTask))],
    Discriminator(_tag_of),
    BeforeValidator(_one_kind),
]

# Tasks contain lists of tasks. Innermost first: a model is complete when what it holds is.
TaskItem.model_rebuild(_types_namespace={"Task": Task})
for _holder in (
    *(TaskMetadata, Metadata, WorkflowMetadata, DocumentMetadata),
    *(CallHttp, CallOpenApi, CallMcp, CallGrpc, CallA2a, CallFunction),
    *(EmitTask, RaiseTask, RunTask, SetTask, SwitchTask, WaitTask),
    *(SubscriptionIterator, CatchSpec, AsyncApiSubscription, AsyncApiArguments, ForkSpec),
    *(CallAsyncApi, DoTask, ForTask, ForkTask, ListenTask, TryTask),
):
    _holder.model_rebuild()
