"""Functions from elsewhere: they stand for themselves, and do nothing in the caller's name.

What is not listed here as harmless is refused: whatever the language gains is closed to them until
somebody has thought about it. Functions of the tenant's own catalogue may do what a workflow may.
"""

import re
from collections.abc import Iterator
from typing import Final

from workflows.definition.checks.expression_fields import PREDEFINED, is_fetched
from workflows.definition.checks.expressions import compiled_fields
from workflows.definition.checks.fields import FieldAt
from workflows.definition.checks.references import references
from workflows.definition.checks.subject import Site, Subject
from workflows.definition.findings import Code, Path, Problem, shown
from workflows.definition.functions import CATALOG
from workflows.definition.models import (
    CallA2a,
    CallAsyncApi,
    CallFunction,
    CallGrpc,
    CallHttp,
    CallMcp,
    CallOpenApi,
    DoTask,
    EndpointSpec,
    ForkTask,
    ForTask,
    RaiseTask,
    SetTask,
    SwitchTask,
    TaskBase,
    TryTask,
    WaitTask,
)
from workflows.expressions import SECRET, Expression

# They compute, or reach what anybody can reach: addresses that they name, without a login of ours.
_TASKS: Final = (
    CallA2a,
    CallAsyncApi,
    CallFunction,
    CallGrpc,
    CallHttp,
    CallMcp,
    CallOpenApi,
    DoTask,
    ForTask,
    ForkTask,
    RaiseTask,
    SetTask,
    SwitchTask,
    TryTask,
    WaitTask,
)
# Of `metadata.millwright`: how its own calls are made. Queues, keys and attributes are shared, and
# local calls take their turn before those of other tenants.
_WANTS: Final = frozenset({"timeout", "retry", "heartbeat", "idempotency_key", "summary"})
# Variables that hold what belongs to the workflow around it.
_CALLERS: Final = PREDEFINED - {"input", "output", "task", "runtime"} - SECRET

_FIXED: Final = re.compile(r"https?://[^/?#\s{}]+[^\s{}]*", re.IGNORECASE)


def check_foreign(subject: Subject) -> Iterator[Problem]:
    """Find what a fetched function would take from the workflow that calls it."""
    if not subject.parts:
        return
    for reference in references(subject):
        part = subject.foreign(reference.path)
        if part is None:
            continue
        if reference.section != "secrets":
            message = (
                f"It refers to {shown(reference.name)} in use.{reference.section} of whatever "
                "workflow calls it. Write that out in the function."
            )
            yield Problem(Code.ELSEWHERE, reference.path, message)
        elif not part.trusted:
            yield _sees_secrets(reference.path)


def check_distrusted(subject: Subject) -> Iterator[Problem]:
    """Find what a function from elsewhere would do in the name of the workflow that calls it."""
    if not subject.parts:
        return
    for site in subject.sites:
        if _is_distrusted(subject, site.path):
            yield from _oversteps(site)
    for field in subject.fields:
        if _is_distrusted(subject, field.path):
            yield from _takes_over(field)
    for place, expressions in compiled_fields(subject):
        if _is_distrusted(subject, place.path):
            for path, found in expressions:
                if isinstance(found, Expression):
                    yield from _reads(path, found)


def _takes_over(field: FieldAt) -> Iterator[Problem]:
    if field.name == "export":
        yield _refused(field.path, "exports to your $context, which")
    elif field.name == "then" and field.value == "end":
        yield _refused(field.path, "would end your workflow (then: end), which")


def _is_distrusted(subject: Subject, path: Path) -> bool:
    part = subject.foreign(path)
    return part is not None and not part.trusted


def _oversteps(site: Site) -> Iterator[Problem]:
    """Find what a task of such a function would do in the name of who calls it."""
    task = site.task
    if not isinstance(task, _TASKS):
        yield _refused(site.path, f"has a task {shown(site.name)} ({_kind(task)}), which")
    elif isinstance(task, CallFunction) and task.call in CATALOG:
        yield _refused((*site.path, "call"), f"calls {shown(task.call)}, which")
    wants = type(task.millwright).model_fields
    for name in sorted(task.millwright.model_fields_set - _WANTS):
        written = wants[name].alias or name
        path: Path = (*site.path, "metadata", "millwright", written)
        yield _refused(path, f"sets metadata.millwright.{written}, which")


def _kind(task: TaskBase) -> str:
    return type(task).__name__.removesuffix("Task").lower()


def _reads(path: Path, found: Expression) -> Iterator[Problem]:
    if not SECRET.isdisjoint(found.variables):
        yield _sees_secrets(path)
    for name in sorted(_CALLERS & found.variables):
        message = (
            f"It reads ${name}, which belongs to your workflow. A function from elsewhere sees its "
            "arguments: pass what it needs."
        )
        yield Problem(Code.ELSEWHERE, path, message)


def _refused(path: Path, what: str) -> Problem:
    message = (
        f"It {what} only your own functions may: publish it in your own catalogue (PUT "
        "/api/v1/functions) when you trust it, or write the task in your workflow."
    )
    return Problem(Code.ELSEWHERE, path, message)


def _sees_secrets(path: Path) -> Problem:
    message = (
        "It reads a secret of yours. Only functions of your own catalogue can: publish it there, "
        "or call the service yourself."
    )
    return Problem(Code.SECRET_FLOW, path, message)


def check_fetched(subject: Subject) -> Iterator[Problem]:
    """Find addresses that could not be read when the workflow is published."""
    for field in subject.fields:
        if field.name != "endpoint" or not is_fetched(field):
            continue
        is_object = isinstance(field.value, EndpointSpec)
        uri = field.value.uri if isinstance(field.value, EndpointSpec) else field.value
        path = (*field.path, "uri") if is_object else field.path
        if not isinstance(uri, str) or not _FIXED.fullmatch(uri):
            message = (
                f"{shown(str(uri))} is read when the workflow is published, before there is any "
                "data: write an address that begins with https:// or http://, without expressions "
                "and variables."
            )
            yield Problem(Code.URI, path, message)
