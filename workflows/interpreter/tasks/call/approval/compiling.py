"""From the definition; what it holds has been checked when it was published."""

from collections.abc import Mapping

from pydantic import ValidationError

from foundation.json import JsonObject, JsonValue
from workflows.definition import CATALOG, CallFunction, duration_seconds, is_expression
from workflows.interpreter.compiling import Place
from workflows.interpreter.durations import Delay
from workflows.interpreter.tasks.call.approval.candidates import Candidates, Rung
from workflows.interpreter.tasks.call.approval.task import Ask


def compile_approval(task: CallFunction, place: Place) -> Ask:
    """Compile a `call: approval` task."""
    given = task.with_ or {}
    timeout = given.get("timeout")
    limit: Mapping[str, JsonValue] = timeout if isinstance(timeout, dict) else {}
    notify = given.get("notify")
    return Ask(
        shown=place.template(
            {name: given[name] for name in ("title", "description") if name in given}
        ),
        data=place.template(given["data"]) if "data" in given else None,
        form=place.template(given["form"]) if "form" in given else None,
        candidates=_candidates(given["candidates"], place),
        quorum=place.template(given.get("quorum", 1)),
        allow_requester=given.get("allowRequester") is True,
        reminders=[delay_of(each, place) for each in _list(given.get("reminders"))],
        ladder=[
            Rung(delay_of(each["after"], place), _candidates(each["candidates"], place))
            for each in _list(given.get("escalation"))
            if isinstance(each, dict)
        ],
        timeout=delay_of(limit["after"], place) if limit else None,
        then=limit.get("then", "reject"),  # type: ignore[arg-type]
        default=place.template(limit["value"]) if "value" in limit else None,
        faults=given.get("onReject", "fault") == "fault",
        notify=place.function(str(notify)) if notify is not None else None,
        misplaced=_misplaced(given),
    )


def _misplaced(given: JsonObject) -> str | None:
    """Name an argument for which no expression can stand, and one does."""
    try:
        CATALOG["approval"].model_validate(given)
    except ValidationError as error:
        for problem in error.errors(include_url=False):
            if is_expression(problem["input"]):
                return "/".join(map(str, problem["loc"]))
    return None


def _list(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []


def _candidates(given: JsonValue, place: Place) -> Candidates:
    if not isinstance(given, dict):
        return Candidates({}, place.template(given))
    return Candidates({name: place.template(each) for name, each in given.items()})


def delay_of(written: JsonValue, place: Place) -> Delay:
    """Compile a duration as it is written in the arguments of a call."""
    template = place.template(written)
    if template.constant:
        return Delay(duration_seconds(written), None)
    return Delay(None, template)
