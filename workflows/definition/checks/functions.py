"""Calls of functions: they exist, they get what they take, and they do not call themselves."""

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final

import jsonschema_rs
from pydantic import ValidationError

from foundation.json import JsonObject, JsonValue
from workflows.definition.arguments import is_expression
from workflows.definition.checks.subject import Site, Subject, texts
from workflows.definition.elsewhere.names import is_elsewhere
from workflows.definition.findings import Code, Path, Problem, did_you_mean, shown
from workflows.definition.functions import CATALOG
from workflows.definition.models import CallFunction, TaskBase
from workflows.definition.models.tasks import RESERVED_CALLS
from workflows.definition.schemas import InvalidSchemaError, compile_schema
from workflows.definition.shape import problems_of_arguments
from workflows.expressions import has_expressions

# Compiling a definition stays far below the two seconds that Temporal gives a workflow task.
MAX_CALLS: Final = 500
MAX_CALL_DEPTH: Final = 20
_SHOWN_CALLS: Final = 10
# Where a function of the catalogue names one that notifies people.
_NOTIFY: Final[Mapping[str, Path]] = {
    "approval": ("notify",),
    "mcp.tool": ("elicitation", "notify"),
}


def check_functions(subject: Subject) -> Iterator[Problem]:
    """Find functions whose names are taken, and functions that call themselves."""
    for name in sorted(subject.names("functions") & (RESERVED_CALLS | CATALOG.keys())):
        yield Problem(
            Code.RESERVED_NAME,
            ("use", "functions", name),
            f"{shown(name)} is built in, so this function could never be called. Rename it.",
        )
    yield from _recursion(subject)
    yield from _expansion(subject)


def check_calls(subject: Subject) -> Iterator[Problem]:
    """Find calls of functions that are not there, and arguments that they do not take."""
    validators = {
        name: _input_schema(task) for name, task in subject.definition.use.functions.items()
    }
    for site in subject.sites:
        if not isinstance(site.task, CallFunction):
            continue
        name = site.task.call
        if name in CATALOG:
            yield from _catalogue_arguments(site, site.task)
            yield from _who_notifies(subject, site, site.task)
        elif name in subject.names("functions"):
            yield from _declared_arguments(site, site.task, validators.get(name))
        elif not is_elsewhere(name):
            yield _unknown(subject, site, name)


def _unknown(subject: Subject, site: Site, name: str) -> Problem:
    path = (*site.path, "call")
    known = sorted({*subject.names("functions"), *CATALOG, *RESERVED_CALLS})
    hint = did_you_mean(name, known) or f" Known: {', '.join(known[:20])}."
    return Problem(Code.UNKNOWN_FUNCTION, path, f"There is no function {shown(name)}.{hint}")


def _who_notifies(subject: Subject, site: Site, task: CallFunction) -> Iterator[Problem]:
    """Find people to be notified with a function that is not declared."""
    where, notify = _NOTIFY.get(task.call, ()), _notified(task)
    known = subject.names("functions")
    if isinstance(notify, str) and notify not in known:
        hint = did_you_mean(notify, sorted(known)) or " Declare it in use.functions."
        if is_expression(notify):
            hint = " Write its name out: no expression can stand for it."
        message = f"There is no function {shown(notify)}.{hint}"
        yield Problem(Code.UNKNOWN_FUNCTION, (*site.path, "with", *where), message)


def _notified(task: CallFunction) -> Any:
    """Return what is written for the function that notifies people."""
    found: Any = task.with_ or {}
    for key in _NOTIFY.get(task.call, ()):
        found = found.get(key) if isinstance(found, dict) else None
    return found


def _called(task: CallFunction) -> list[str]:
    """Name the functions that a call stands for: that one, and the one that notifies people."""
    notify = _notified(task) if task.call in _NOTIFY else None
    return [task.call, *([notify] if isinstance(notify, str) else [])]


def _catalogue_arguments(site: Site, task: CallFunction) -> Iterator[Problem]:
    given = task.with_ or {}
    try:
        CATALOG[task.call].model_validate(given)
    except ValidationError as error:
        path = (*site.path, "with") if task.with_ is not None else site.path
        for problem in problems_of_arguments(error, CATALOG[task.call]):
            message = f"{problem.message}{_advice(given, problem)}"
            yield Problem(Code.FUNCTION_ARGUMENTS, (*path, *problem.path), message)


def _advice(given: JsonObject, problem: Problem) -> str:
    value: Any = given
    for token in problem.path:
        value = value[token]
    if problem.code is Code.UNKNOWN_KEY or not is_expression(value):
        return ""
    return " Write it out: no expression can stand for it."


def _declared_arguments(
    site: Site, task: CallFunction, validator: jsonschema_rs.Validator | None
) -> Iterator[Problem]:
    """Compare arguments without expressions with the input schema of a declared function."""
    given: JsonValue = task.with_ or {}
    is_constant = not any(has_expressions(text) for _, text in texts(given, ()))
    if validator is None or not is_constant:
        return
    path = (*site.path, "with") if task.with_ is not None else site.path
    for error in validator.iter_errors(given):
        message = f"{shown(task.call)} does not take this: {error.message[:300]}."
        yield Problem(Code.FUNCTION_ARGUMENTS, (*path, *error.instance_path), message)


def _input_schema(function: TaskBase) -> jsonschema_rs.Validator | None:
    schema = function.input.schema_ if function.input else None
    if schema is None or schema.resource is not None:
        return None
    try:
        return compile_schema(schema.document)
    except InvalidSchemaError:
        return None  # the check of schemas reports it at its own place


def _recursion(subject: Subject) -> Iterator[Problem]:
    calls = _calls_of_functions(subject)
    while cycle := _cycle(calls):
        name = cycle[0]
        way = " -> ".join([*cycle[:_SHOWN_CALLS], *(["..."] if cycle[_SHOWN_CALLS:] else [])])
        message = f"The function calls itself: {way}. Use a loop instead."
        yield Problem(Code.RECURSIVE_FUNCTION, ("use", "functions", name), message)
        calls[name] = set()


def _expansion(subject: Subject) -> Iterator[Problem]:
    """Refuse functions that would multiply: a call stands for all tasks of the function."""
    calls = _calls_in_order(subject)
    if _cycle({name: set(called) for name, called in calls.items()}):
        return
    sizes: dict[str, int] = {}
    depths: dict[str, int] = {}
    for name in TopologicalSorter(
        {name: set(called) for name, called in calls.items()}
    ).static_order():
        known = [called for called in calls.get(name, []) if called in sizes]
        sizes[name] = 1 + sum(sizes[called] for called in known)
        depths[name] = 1 + max((depths[called] for called in known), default=0)
    for name in calls:
        if sizes[name] > MAX_CALLS or depths[name] > MAX_CALL_DEPTH:
            message = (
                f"The function stands for {sizes[name]:,} calls, {depths[name]} deep; {MAX_CALLS} "
                f"and {MAX_CALL_DEPTH} are allowed. Use a loop, or call fewer functions."
            )
            yield Problem(Code.TOO_LARGE, ("use", "functions", name), message)


def _calls_in_order(subject: Subject) -> dict[str, list[str]]:
    calls: dict[str, list[str]] = {name: [] for name in subject.definition.use.functions}
    for site in subject.sites:
        match site.path, site.task:
            case ("use", "functions", str(name), *_), CallFunction() as task:
                calls[name] += [called for called in _called(task) if called in calls]
            case _:
                pass  # a task of the workflow itself, or a call of the catalogue
    return calls


def _cycle(calls: Mapping[str, set[str]]) -> list[str]:
    """Return functions that call each other in a circle, the first one again at the end."""
    try:
        TopologicalSorter(calls).prepare()
    except CycleError as error:
        # The sorter wants to know what comes before, so its circle runs the other way round.
        circle: list[str] = error.args[1][::-1]
        return circle
    return []


def _calls_of_functions(subject: Subject) -> dict[str, set[str]]:
    calls: dict[str, set[str]] = {name: set() for name in subject.definition.use.functions}
    for site in subject.sites:
        match site.path, site.task:
            case ("use", "functions", str(name), *_), CallFunction() as task:
                calls[name].update(_called(task))
            case _:
                pass  # a task of the workflow itself, or one that calls no function
    return calls
