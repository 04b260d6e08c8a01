"""Where expressions stand, how they are written there, and what they can read.

The table of variables is that of the specification; `input.from` of the workflow, for example,
comes before there is a context.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from foundation.json import JsonValue
from workflows.definition.checks.subject import Site, Subject, Variables
from workflows.definition.findings import Path
from workflows.definition.models import (
    CallAsyncApi,
    CatchSpec,
    ForTask,
    ListenTask,
    SubscriptionIterator,
    SwitchTask,
    TryTask,
)

PREDEFINED: Final = frozenset(
    {"context", "input", "output", "secrets", "authorization", "task", "workflow", "runtime"}
)
_WORKFLOW_INPUT: Final = frozenset({"workflow", "runtime"})
_WORKFLOW_OUTPUT: Final = frozenset({"context", "workflow", "runtime"})
_BEFORE_INPUT: Final = frozenset({"context", "task", "workflow", "runtime"})
_IN_TASK: Final = _BEFORE_INPUT | {"input"}
_AFTER_OUTPUT: Final = _IN_TASK | {"output"}

# Members of a task whose texts are templates. `run` and `listen` are not executed yet.
_TEMPLATES: Final = frozenset({"with", "set", "emit", "raise", "wait", "timeout"})


@dataclass(frozen=True)
class ExpressionField:
    """One value in which expressions can stand.

    Attributes:
        bare: A text at its top is an expression even without `${ }`.
        variables: What they can read, without `$`.
    """

    path: Path
    value: JsonValue
    variables: Variables
    bare: bool = False


def expression_fields(subject: Subject) -> Iterator[ExpressionField]:
    """Go through all values of a definition in which expressions can stand."""
    definition = subject.definition
    if definition.input and definition.input.from_ is not None:
        yield _bare(("input", "from"), definition.input.from_, _WORKFLOW_INPUT)
    if definition.output and definition.output.as_ is not None:
        yield _bare(("output", "as"), definition.output.as_, _WORKFLOW_OUTPUT)
    timeout = subject.pruned.document.get("timeout")
    yield ExpressionField(("timeout",), timeout, _WORKFLOW_INPUT)
    for section in ("authentications", "errors", "timeouts"):
        value = subject.raw(("use",)).get(section) if "use" in subject.pruned.document else None
        yield ExpressionField(("use", section), value, _IN_TASK)
    for site in subject.sites:
        yield from _around(site)
        yield from _conditions(site)
        yield from _templates(subject, site)


def _bare(path: Path, value: JsonValue, variables: Variables) -> ExpressionField:
    return ExpressionField(path, value, variables, bare=True)


def _around(site: Site) -> Iterator[ExpressionField]:
    """Data flow around a task."""
    task, path, own = site.task, site.path, site.variables
    if task.if_ is not None:
        yield _bare((*path, "if"), task.if_, _BEFORE_INPUT | own)
    if task.input and task.input.from_ is not None:
        yield _bare((*path, "input", "from"), task.input.from_, _BEFORE_INPUT | own)
    if task.output and task.output.as_ is not None:
        yield _bare((*path, "output", "as"), task.output.as_, _IN_TASK | own)
    if task.export and task.export.as_ is not None:
        yield _bare((*path, "export", "as"), task.export.as_, _AFTER_OUTPUT | own)


def _conditions(site: Site) -> Iterator[ExpressionField]:
    """Fields that are expressions without `${ }`."""
    task, path, here = site.task, site.path, _IN_TASK | site.variables
    match task:
        case ForTask():
            yield from _of_loop(task, path, here)
        case SwitchTask(switch=cases):
            for index, case in enumerate(cases):
                if case.when is not None:
                    yield _bare((*path, "switch", index, case.name, "when"), case.when, here)
        case TryTask(catch=catch):
            yield from _of_catch(catch, (*path, "catch"), here)
        case ListenTask(foreach=SubscriptionIterator() as foreach):
            yield from _of_iterator(foreach, (*path, "foreach"), here)
        case CallAsyncApi(with_=given) if given.subscription and given.subscription.foreach:
            inner = (*path, "with", "subscription", "foreach")
            yield from _of_iterator(given.subscription.foreach, inner, here)
        case _:
            pass  # the other kinds have no conditions


def _of_loop(task: ForTask, path: Path, here: Variables) -> Iterator[ExpressionField]:
    loop = task.for_
    if isinstance(loop.in_, str):
        yield _bare((*path, "for", "in"), loop.in_, here)
    if task.while_ is not None:
        yield _bare((*path, "while"), task.while_, here | {loop.each, loop.at})


def _of_catch(catch: CatchSpec, path: Path, here: Variables) -> Iterator[ExpressionField]:
    if catch.errors is not None:
        yield ExpressionField((*path, "errors", "with"), catch.errors.with_, here)
    for key, condition in (("when", catch.when), ("exceptWhen", catch.except_when)):
        if condition is not None:
            yield _bare((*path, key), condition, here | {catch.as_})


def _of_iterator(
    foreach: SubscriptionIterator, path: Path, here: Variables
) -> Iterator[ExpressionField]:
    inner = here | {foreach.item, foreach.at}
    if foreach.output and foreach.output.as_ is not None:
        yield _bare((*path, "output", "as"), foreach.output.as_, inner)
    if foreach.export and foreach.export.as_ is not None:
        yield _bare((*path, "export", "as"), foreach.export.as_, inner | {"output"})


def _templates(subject: Subject, site: Site) -> Iterator[ExpressionField]:
    """Everything else in a task: values in which `${ }` can stand."""
    if subject.is_unreadable(site):
        return
    here = _IN_TASK | site.variables
    for key, value in subject.raw(site.path).items():
        if key in _TEMPLATES:
            own = _without_tasks(value) if isinstance(site.task, CallAsyncApi) else value
            yield ExpressionField((*site.path, key), own, here)
        elif key == "for" and isinstance(value, dict) and isinstance(value.get("in"), list):
            yield ExpressionField((*site.path, "for", "in"), value["in"], here)


def _without_tasks(value: JsonValue) -> JsonValue:
    """Leave out the list of tasks in `call: asyncapi`; it is visited as a scope."""
    given = value if isinstance(value, dict) else {}
    return {name: item for name, item in given.items() if name != "subscription"}
