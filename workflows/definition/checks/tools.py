"""Calls of registered tools: what is written fits what the tool takes.

An expression is known only when the task runs, so of it no more is judged than that it is there.
"""

from collections.abc import Iterator
from typing import Final

from foundation.json import JsonObject, JsonValue
from foundation.schema_cost import SchemaRefusedError
from foundation.schemas import Violation, compiled
from workflows.definition.checks.subject import Site, Subject, texts
from workflows.definition.findings import MAX_FINDINGS, Code, Path, Problem, shown
from workflows.definition.models import CallFunction
from workflows.definition.tools import OtherToolError, Tools
from workflows.expressions import has_expressions

# What is said of an object or list itself holds whatever the values in it turn out to be.
_OF_THE_WHOLE: Final = frozenset(
    {"required", "additionalProperties", "minProperties", "maxProperties", "minItems", "maxItems"}
)
# Below these it depends on the values whether a rule applies at all.
_DEPENDING: Final = frozenset(
    {"anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas", "contains"}
)
_PLACEHOLDERS: Final = 1000


def check_tools(subject: Subject) -> Iterator[Problem]:
    """Find arguments that a registered tool does not take."""
    if subject.tools is None:
        return
    for site in subject.sites:
        if isinstance(site.task, CallFunction) and site.task.call == "mcp.tool":
            yield from _of_call(site, site.task.with_ or {}, subject.tools)


def _of_call(site: Site, given: JsonObject, tools: Tools) -> Iterator[Problem]:
    server, tool, pin = given.get("server"), given.get("tool"), given.get("sha256")
    if not _is_plain(server) or not _is_plain(tool) or not (pin is None or _is_plain(pin)):
        return
    path = (*site.path, "with")
    try:
        schema = tools(str(server), str(tool), None if pin is None else str(pin))
    except OtherToolError as error:
        yield Problem(Code.FUNCTION_ARGUMENTS, (*path, "sha256"), str(error))
        return
    arguments = given.get("arguments", {})
    if schema is None or not isinstance(arguments, dict):
        return
    at = (*path, "arguments") if "arguments" in given else path
    for violation in _violations(schema, arguments):
        message = f"The tool {shown(str(tool))} does not take this: {violation.message}."
        yield Problem(Code.FUNCTION_ARGUMENTS, (*at, *violation.path), message)


def _violations(schema: JsonObject, arguments: JsonObject) -> Iterator[Violation]:
    unknown = [path for path, text in texts(arguments, ()) if has_expressions(text)]
    try:
        check = compiled(schema)
    except SchemaRefusedError:
        return  # the registry says so of the tool, and the call will
    for violation in check.violations(arguments, most=MAX_FINDINGS + _PLACEHOLDERS):
        if not _depends(violation, unknown):
            yield violation


def _depends(violation: Violation, unknown: list[Path]) -> bool:
    """Tell whether a violation may be none when the expressions have their values."""
    at = violation.path
    inside = [path for path in unknown if path[: len(at)] == at]
    if not inside:
        # It may still stand below a branch that is chosen by a value elsewhere.
        return bool(unknown) and not _DEPENDING.isdisjoint(violation.rule)
    return at in inside or not _is_of_the_whole(violation)


def _is_of_the_whole(violation: Violation) -> bool:
    rule = violation.rule
    return bool(rule) and rule[-1] in _OF_THE_WHOLE and _DEPENDING.isdisjoint(rule)


def _is_plain(value: JsonValue) -> bool:
    return isinstance(value, str) and not has_expressions(value)
