"""The table of task kinds, and the cache of compiled definitions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from types import MappingProxyType
from typing import Any, Final

from cachetools import LRUCache, cached

from activities.events.types import Interest
from activities.schedules.types import Followed, TriggerKind
from foundation.json import JsonObject, digest
from workflows.definition import (
    CallA2a,
    CallAsyncApi,
    CallFunction,
    CallGrpc,
    CallHttp,
    CallMcp,
    CallOpenApi,
    DoTask,
    EmitTask,
    ForkTask,
    ForTask,
    LifecycleLevel,
    ListenTask,
    RaiseTask,
    RunTask,
    SetTask,
    SwitchTask,
    Task,
    TaskList,
    TryTask,
    WaitTask,
    load_definition,
)
from workflows.expressions import Version
from workflows.interpreter.compiling import (
    Place,
    Unit,
    compile_extensions,
    compile_steps,
    dig,
    schema_of,
)
from workflows.interpreter.faults import Fault
from workflows.interpreter.position import State
from workflows.interpreter.steps import Body, Filter, Step
from workflows.interpreter.tasks.call.a2a import compile_a2a
from workflows.interpreter.tasks.call.asyncapi import compile_asyncapi
from workflows.interpreter.tasks.call.function import compile_function
from workflows.interpreter.tasks.call.grpc import compile_grpc
from workflows.interpreter.tasks.call.http import compile_http
from workflows.interpreter.tasks.call.mcp import compile_mcp
from workflows.interpreter.tasks.call.openapi import compile_openapi
from workflows.interpreter.tasks.do import compile_do
from workflows.interpreter.tasks.emit import compile_emit
from workflows.interpreter.tasks.for_ import compile_for
from workflows.interpreter.tasks.fork import compile_fork
from workflows.interpreter.tasks.listen import compile_listen
from workflows.interpreter.tasks.raise_ import compile_raise
from workflows.interpreter.tasks.root import Root
from workflows.interpreter.tasks.run import compile_run
from workflows.interpreter.tasks.schedule import compile_after, compile_on, interests_of
from workflows.interpreter.tasks.set import compile_set
from workflows.interpreter.tasks.switch import compile_switch
from workflows.interpreter.tasks.try_ import compile_try
from workflows.interpreter.tasks.wait import compile_wait

KINDS: Final = MappingProxyType[type, Callable[[Any, Place], Body]](
    {
        CallA2a: compile_a2a,
        CallAsyncApi: compile_asyncapi,
        CallFunction: compile_function,
        CallGrpc: compile_grpc,
        CallHttp: compile_http,
        CallMcp: compile_mcp,
        CallOpenApi: compile_openapi,
        DoTask: compile_do,
        EmitTask: compile_emit,
        ForTask: compile_for,
        ListenTask: compile_listen,
        ForkTask: compile_fork,
        RaiseTask: compile_raise,
        RunTask: compile_run,
        SetTask: compile_set,
        SwitchTask: compile_switch,
        TryTask: compile_try,
        WaitTask: compile_wait,
    }
)


@dataclass(frozen=True, slots=True)
class Plan:
    """A compiled definition.

    Attributes:
        undoing: What undoes tasks, by their reference.
        at_the_end: What is done at the end, however the instance ends.
        lifecycle: What instances tell others of themselves.
    """

    version: str
    hash: str
    document: JsonObject
    root: Step
    undoing: Mapping[str, Sequence[Step]]
    at_the_end: Sequence[Step]
    lifecycle: LifecycleLevel


# Content-addressed, so an entry can never be stale; bounded, since a plant has many definitions.
# One definition has a plan for each version of the expressions that its runs pin. Locked: a worker
# has many threads that compile.
@cached(
    LRUCache(maxsize=512),
    key=lambda _document, expected_hash, version: (expected_hash, version.name),
    lock=Lock(),
)
def plan_of(document: JsonObject, expected_hash: str, version: Version) -> Plan:
    """Compile a definition, or take it from this process's cache.

    Args:
        document: The prepared definition.
        expected_hash: What its content must hash to.
        version: What its expressions mean.

    Raises:
        Fault: When the document is not the one that the hash names, or is not executable.
    """
    if digest(document) != expected_hash:
        raise Fault.of(
            "configuration",
            "The definition is not the published one",
            f"Its content does not have the hash {expected_hash}. Start the instance again.",
        )
    return _compile(document, expected_hash, version)


def _compile(document: JsonObject, content_hash: str, version: Version) -> Plan:
    definition = load_definition(document)
    unit = Unit(definition, document, version, compile_body)
    compile_extensions(unit)
    place = Place(unit, "/", document)
    tasks: Any = document["do"]
    steps = compile_steps(unit, definition.do, tasks, "/do")
    root = Step(
        name=definition.document.name,
        reference="/",
        kind="workflow",
        definition={},
        body=Root(steps),
        input_schema=schema_of(definition.input),
        input_from=place.shape(definition.input.from_ if definition.input else None),
        output=Filter(
            place.shape(definition.output.as_ if definition.output else None),
            schema_of(definition.output),
        ),
        timeout=place.timeout(definition.timeout),
    )
    at_the_end = definition.document.millwright.finally_
    return Plan(
        version=definition.document.version,
        hash=content_hash,
        document=document,
        root=root,
        undoing=unit.undoing,
        at_the_end=_at_the_end(unit, at_the_end) if at_the_end else (),
        lifecycle=definition.document.millwright.lifecycle_events,
    )


def trigger_of(followed: Followed, version: Version, kind: TriggerKind, before: State) -> Step:
    """Compile what starts a definition by itself.

    Args:
        before: Where what it takes the place of stood in the end.

    Raises:
        Fault: When the definition has no such schedule.
    """
    unit = _unit(followed.document, version)
    if kind is TriggerKind.AFTER:
        return compile_after(Place(unit, "/schedule/after", {}), followed.published_by)
    begun = before.get("sets", ()) if followed.continues else ()
    place = Place(unit, listening_name(followed.number), {})
    # The events of the sets that go on are brought to it too, for whoever begins without them.
    seen = before.get("after", 0) if followed.continues else 0
    return compile_on(place, followed.published_by, over=followed.over, begun=begun, seen=seen)


def listening_name(number: int) -> str:
    """Return what the listening of a trigger is called among its subscriptions."""
    return f"/schedule/on#{number}"


def awaited_events(document: JsonObject, version: Version) -> list[Interest]:
    """Return which events start a definition that has a `schedule.on`.

    Raises:
        Fault: When it has none.
    """
    return interests_of(Place(_unit(document, version), "/schedule/on", {}))


def _unit(document: JsonObject, version: Version) -> Unit:
    return Unit(load_definition(document), document, version, compile_body)


def _at_the_end(unit: Unit, tasks: TaskList) -> Sequence[Step]:
    path = ("document", "metadata", "millwright", "finally")
    raw: Any = dig(unit.document, path)
    return compile_steps(unit, tasks, raw, f"/{'/'.join(path)}")


def compile_body(task: Task, place: Place) -> Body:
    """Compile the part of a task that its kind decides.

    Raises:
        Fault: For a kind that this version does not execute; publishing refuses those.
    """
    compile_one = KINDS.get(type(task))
    if compile_one is None:
        raise Fault.of(
            "configuration",
            "The task is not executed by this version",
            f"{place.reference} is a {type(task).__name__}. Publish the definition again: the "
            "check names what to change.",
        )
    return compile_one(task, place)
