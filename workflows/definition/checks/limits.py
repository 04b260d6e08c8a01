"""Limits of calls, and what instances can be found by."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from foundation.json import JsonValue
from workflows.definition.checks.subject import Site, Subject
from workflows.definition.durations import duration_seconds
from workflows.definition.findings import Code, Path, Problem, shown
from workflows.definition.models import (
    CallA2a,
    CallAsyncApi,
    CallFunction,
    CallGrpc,
    CallHttp,
    CallMcp,
    CallOpenApi,
    DurationParts,
    TaskBase,
)
from workflows.definition.tags import MAX_TAG_ENTRY_BYTES, tag_entry, tags_too_large
from workflows.expressions import has_expressions

# Of one task.
MAX_TAGS: Final = 20
MAX_TAG_CHARS: Final = 200
TAG_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,62}")
MAX_PERIOD_S: Final = 7 * 24 * 3600.0
# Functions of our catalogue that are one call.
_COUNTED: Final = frozenset({"mcp.tool", "notify"})
_LIMITS: Final = {"concurrency": "concurrency", "rate_limit": "rateLimit"}


def check_limits(subject: Subject) -> Iterator[Problem]:
    """Find limits that nothing would keep."""
    for site in subject.sites:
        given = site.task.millwright
        for field, name in _LIMITS.items():
            if getattr(given, field) is None:
                continue
            path = (*site.path, "metadata", "millwright", name)
            reason = _why_not(site.task)
            if reason is not None:
                yield Problem(Code.WRONG_VALUE, path, f"'{name}' is for calls. {reason}")
            elif given.local:
                yield Problem(
                    Code.WRONG_VALUE,
                    path,
                    f"A local call cannot wait for its turn. Remove 'local' or '{name}'.",
                )
        yield from _check_period(site)


def _why_not(task: TaskBase) -> str | None:
    match task:
        case CallFunction(call=name) if name in _COUNTED:
            return None
        case CallFunction():
            return "Write it at the call of the function itself, in use.functions."
        case CallAsyncApi(with_=given) if given.subscription is not None:
            return "A subscription has no end that others could wait for."
        case CallA2a() | CallAsyncApi() | CallGrpc() | CallHttp() | CallMcp() | CallOpenApi():
            return None
        case _:
            return "Write it at each call inside; other workflows limit their own calls."


def _check_period(site: Site) -> Iterator[Problem]:
    rate = site.task.millwright.rate_limit
    if rate is None or not isinstance(rate.period, str | DurationParts):
        return
    try:
        seconds = duration_seconds(rate.period)
    except ValueError:
        return  # told as a duration
    if not 0 < seconds <= MAX_PERIOD_S:
        path = (*site.path, "metadata", "millwright", "rateLimit", "period")
        yield Problem(Code.WRONG_VALUE, path, "A period is longer than nothing and 7 days at most.")


def check_tags(subject: Subject) -> Iterator[Problem]:
    """Find search attributes that Temporal would not take."""
    for site in subject.sites:
        tags = site.task.millwright.search_attributes
        path: Path = (*site.path, "metadata", "millwright", "searchAttributes")
        if tags is None:
            continue
        if len(tags) > MAX_TAGS:
            yield Problem(Code.WRONG_VALUE, path, f"{len(tags)} are too many; {MAX_TAGS} at most.")
        for name, value in tags.items():
            if not TAG_NAME.fullmatch(name):
                message = (
                    f"{shown(name)} is no name for a search attribute: letters, digits, '_', '.' "
                    "and '-', a letter first, 63 at most."
                )
                yield Problem(Code.WRONG_VALUE, (*path, name), message)
            elif isinstance(value, dict | list):
                message = "Its value is a text, a number or true or false; or an expression."
                yield Problem(Code.WRONG_VALUE, (*path, name), message)
            elif (
                isinstance(value, str)
                and not has_expressions(value)
                and not 0 < len(value.encode()) <= MAX_TAG_CHARS
            ):
                message = f"Its value has 1 to {MAX_TAG_CHARS} bytes."
                yield Problem(Code.WRONG_VALUE, (*path, name), message)
        yield from _check_room(tags, path)


def _check_room(tags: Mapping[str, JsonValue], path: Path) -> Iterator[Problem]:
    """Measure those that are written out as what they will be."""
    written = {
        name: tag_entry(name, value)
        for name, value in tags.items()
        if isinstance(value, int | float) or (isinstance(value, str) and not has_expressions(value))
    }
    for name, entry in written.items():
        if len(entry.encode()) > MAX_TAG_ENTRY_BYTES:
            message = f"It has at most {MAX_TAG_ENTRY_BYTES} bytes with its name."
            yield Problem(Code.WRONG_VALUE, (*path, name), message)
    if (why := tags_too_large(written.values())) is not None:
        yield Problem(Code.WRONG_VALUE, path, why)
