"""When a definition starts by itself: that it ever does, and with an input that it takes."""

from collections.abc import Iterator
from typing import Final
from zoneinfo import ZoneInfo

from foundation.json import JsonValue
from workflows.definition.checks.subject import Subject
from workflows.definition.cron import cron_problems
from workflows.definition.durations import duration_seconds
from workflows.definition.findings import Code, Path, Problem, shown
from workflows.definition.models import (
    Definition,
    DurationSpec,
    EventConsumption,
    EventFilter,
    Schedule,
)
from workflows.definition.schemas import InvalidSchemaError, compile_schema
from workflows.expressions import ExpressionError, compile_template, expression_in

LONGEST_S: Final = 366 * 86_400
_PATH: Final[Path] = ("schedule",)
_OF_ONE_MACHINE: Final = frozenset({"localtime", "posixrules", "Factory"})
_METADATA: Final[Path] = ("document", "metadata", "millwright", "schedule")


def check_schedule(subject: Subject) -> Iterator[Problem]:
    """Judge the schedule of a definition, if it has one."""
    definition = subject.definition
    schedule = definition.schedule
    yield from _of_metadata(definition, schedule)
    if schedule is None:
        return
    yield from _of_period("every", schedule.every)
    yield from _of_period("after", schedule.after)
    if schedule.cron is not None:
        for message in cron_problems(schedule.cron):
            yield Problem(Code.CRON, (*_PATH, "cron"), message)
    if schedule.on is not None:
        yield from _of_events(schedule.on, (*_PATH, "on"))
    yield from _of_input(definition, schedule)


def _of_period(name: str, period: DurationSpec | None) -> Iterator[Problem]:
    if period is None:
        return
    try:
        seconds = duration_seconds(period)
    except ValueError:
        return  # reported as a duration
    if not 1 <= seconds <= LONGEST_S:
        message = f"'{name}' must be between 1 second and {LONGEST_S // 86_400} days."
        yield Problem(Code.DURATION, (*_PATH, name), message)
    elif name == "every" and seconds != int(seconds):
        message = "'every' is kept in whole seconds: leave the fraction out."
        yield Problem(Code.DURATION, (*_PATH, name), message)


def _of_metadata(definition: Definition, schedule: Schedule | None) -> Iterator[Problem]:
    given = definition.document.millwright.schedule
    if given is None:
        return
    if schedule is None or (schedule.every is None and schedule.cron is None):
        message = "This is about 'schedule.every' and 'schedule.cron'; the definition has neither."
        yield Problem(Code.WRONG_VALUE, _METADATA, message)
    if not _is_zone(given.time_zone):
        message = (
            f"There is no time zone {shown(given.time_zone)}. Use a name such as 'Asia/Seoul' or "
            "'UTC'."
        )
        yield Problem(Code.WRONG_VALUE, (*_METADATA, "timeZone"), message)


def _is_zone(name: str) -> bool:
    """Tell whether every machine means the same by the name; Python reads any file there."""
    if name in _OF_ONE_MACHINE or name.startswith(("posix/", "right/")):
        return False
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def _of_events(on: EventConsumption, path: Path) -> Iterator[Problem]:
    until = on.until
    if isinstance(until, str) and (expression_in(until) or until).strip() == "false":
        message = (
            "This never ends, so nothing would ever start. Leave 'until' out: then each event "
            "starts an instance."
        )
        yield Problem(Code.WRONG_VALUE, (*path, "until"), message)
    if on.all is not None and not on.all:
        message = "Name at least one event: with none there is nothing to start on."
        yield Problem(Code.WRONG_VALUE, (*path, "all"), message)
    for at, each in _filters(on, path):
        for name, correlation in (each.correlate or {}).items():
            inside = (*at, "correlate", name, "expect")
            yield from _of_expected(correlation.expect, inside)
    if isinstance(until, EventConsumption):
        yield from _of_events(until, (*path, "until"))


def _filters(on: EventConsumption, path: Path) -> Iterator[tuple[Path, EventFilter]]:
    if on.one is not None:
        yield (*path, "one"), on.one
    for name, several in (("all", on.all), ("any", on.any)):
        for index, each in enumerate(several or ()):
            yield (*path, name, index), each


def _of_expected(expect: str | None, path: Path) -> Iterator[Problem]:
    """Compute what is expected, as it is once when the definition is published."""
    try:
        template = compile_template(expect)
        if not template.variables:
            template.evaluate(None, {})
    except ExpressionError as error:
        yield Problem(Code.WRONG_VALUE, path, f"What is expected cannot be computed: {error}")
    except ValueError:
        return  # reported as an expression


def _of_input(definition: Definition, schedule: Schedule) -> Iterator[Problem]:
    """Compare the input that a schedule gives with the schema, as far as that can be decided."""
    own = definition.input.schema_ if definition.input else None
    if own is None or own.format != "json" or own.resource is not None:
        return
    path: Path = ("input", "schema")
    try:
        validator = compile_schema(own.document)
    except InvalidSchemaError:
        return  # reported at its own place
    plain = [name for name in ("every", "cron", "after") if getattr(schedule, name) is not None]
    if plain and not validator.is_valid(None):
        message = (
            f"'schedule.{plain[0]}' starts it without an input (null), which this schema does not "
            "allow. Let the schema allow null, or start it with POST /api/v1/schedules, which has "
            "an input."
        )
        yield Problem(Code.SCHEDULED_INPUT, path, message)
    if schedule.on is not None and not _may_be_array(own.document):
        message = (
            "'schedule.on' starts it with an array of events, which this schema does not allow. "
            "Describe an array: type: array."
        )
        yield Problem(Code.SCHEDULED_INPUT, path, message)


def _may_be_array(schema: JsonValue) -> bool:
    if isinstance(schema, bool):
        return schema
    kinds = schema.get("type", "array") if isinstance(schema, dict) else "array"
    return "array" in kinds if isinstance(kinds, list) else kinds == "array"
