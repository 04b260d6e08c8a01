"""From the definition; what it holds has been checked when it was published."""

from collections.abc import Mapping

from foundation.json import JsonValue
from foundation.schemas import compiled
from workflows.definition import CallFunction, duration_seconds
from workflows.interpreter.compiling import Place
from workflows.interpreter.durations import Delay
from workflows.interpreter.tasks.call.approval.candidates import Candidates, Rung
from workflows.interpreter.tasks.call.approval.task import Ask


def compile_approval(task: CallFunction, place: Place) -> Ask:
    """Compile a `call: approval` task."""
    given = task.with_ or {}
    timeout, form = given.get("timeout"), given.get("form")
    limit: Mapping[str, JsonValue] = timeout if isinstance(timeout, dict) else {}
    notify = given.get("notify")
    return Ask(
        shown=place.template(
            {name: given[name] for name in ("title", "description") if name in given}
        ),
        data=place.template(given["data"]) if "data" in given else None,
        form=form if isinstance(form, dict) else None,
        schema=compiled(form) if isinstance(form, dict) else None,
        candidates=_candidates(given["candidates"], place),
        quorum=int(str(given.get("quorum", 1))),
        allow_requester=given.get("allowRequester") is True,
        reminders=[_delay(each, place) for each in _list(given.get("reminders"))],
        ladder=[
            Rung(_delay(each["after"], place), _candidates(each["candidates"], place))
            for each in _list(given.get("escalation"))
            if isinstance(each, dict)
        ],
        timeout=_delay(limit["after"], place) if limit else None,
        then=limit.get("then", "reject"),  # type: ignore[arg-type]
        default=place.template(limit["value"]) if "value" in limit else None,
        faults=given.get("onReject", "fault") == "fault",
        notify=place.function(str(notify)) if notify is not None else None,
    )


def _list(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []


def _candidates(given: JsonValue, place: Place) -> Candidates:
    written = given if isinstance(given, dict) else {}
    users, roles = written.get("users"), written.get("roles")
    return Candidates(
        place.template(users) if users is not None else None,
        place.template(roles) if roles is not None else None,
    )


def _delay(written: JsonValue, place: Place) -> Delay:
    template = place.template(written)
    if template.constant:
        return Delay(duration_seconds(written), None)
    return Delay(None, template)
