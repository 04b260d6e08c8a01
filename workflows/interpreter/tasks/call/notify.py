"""`call: notify`: tell somebody something, over one channel."""

from dataclasses import dataclass
from typing import Final

from activities.notify.types import NotifyCall
from activities.requests import SealedField
from foundation.json import JsonObject, JsonValue
from workflows.definition import CallFunction, duration_seconds
from workflows.interpreter.compiling import Place
from workflows.interpreter.durations import Delay
from workflows.interpreter.faults import Fault
from workflows.interpreter.requests import Blueprint, Part, Value
from workflows.interpreter.run import Frame
from workflows.interpreter.tasks.call.activity import ActivityCall

CHANNELS: Final = ("slack", "email", "webhook")
_AS_WRITTEN: Final = (*CHANNELS, "title", "text", "data")
# Whoever sends the same may have to be waited for.
_EXCHANGES: Final = 2


@dataclass(frozen=True, slots=True)
class Seconds:
    """A duration of the language as the number that the activity takes."""

    delay: Delay

    @property
    def variables(self) -> frozenset[str]:
        return self.delay.template.variables if self.delay.template else frozenset()

    @property
    def secret(self) -> bool:
        return self.delay.template is not None and self.delay.template.secret

    @property
    def version(self) -> str:
        return self.delay.template.version.name if self.delay.template else ""

    def computed(self, value: JsonValue, frame: Frame) -> JsonValue:
        return self.delay.seconds(value, frame)

    def sealed(self, _value: JsonValue, _frame: Frame) -> SealedField:
        """Refuse: the activity does not know what durations look like.

        Raises:
            Fault: Always.
        """
        raise Fault.of(
            "configuration", "The notification cannot be sent", "A duration reads no secret."
        )


def compile_notify(task: CallFunction, place: Place) -> ActivityCall[NotifyCall]:
    """Compile a `call: notify` task."""
    given = task.with_ or {}
    parts: dict[str, Part | None] = {
        name: Value(place.template(given[name])) for name in _AS_WRITTEN if name in given
    }
    parts |= _counted(given, place, "deduplicate", "window", ("deduplicate", "window_s"))
    parts |= _counted(given, place, "rateLimit", "period", ("rate_limit", "period_s"))
    channel = next(name for name in CHANNELS if name in given)
    return ActivityCall(
        activity="notify",
        blueprint=Blueprint(NotifyCall, place.secrets, parts),
        label=lambda _request: channel,
        exchanges=_EXCHANGES,
    )


def _counted(
    given: JsonObject, place: Place, name: str, duration: str, fields: tuple[str, str]
) -> dict[str, Part | None]:
    """Take the duration out of an object: the interpreter reads it, the activity all else."""
    written = given.get(name)
    if not isinstance(written, dict):
        return {}
    rest = {key: value for key, value in written.items() if key != duration}
    delay = _delay(written[duration], place)
    return {fields[0]: Value(place.template(rest)), fields[1]: Seconds(delay)}


def _delay(written: JsonValue, place: Place) -> Delay:
    template = place.template(written)
    if template.constant:
        return Delay(duration_seconds(written), None)
    return Delay(None, template)
