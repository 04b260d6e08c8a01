"""`call: notify`: tell somebody something, over one channel."""

from dataclasses import dataclass
from typing import Final

from activities.notify.types import NotifyCall
from activities.requests import SealedField
from foundation.json import JsonValue
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
    if isinstance(found := given.get("deduplicate"), dict):
        parts["deduplicate"] = Value(place.template({"key": found["key"]}))
        parts["window_s"] = Seconds(_delay(found["window"], place))
    if isinstance(found := given.get("rateLimit"), dict):
        by = [found["key"]] if "key" in found else []
        parts["rate_limit"] = Value(place.template({"by": by, "permits": found["permits"]}))
        parts["period_s"] = Seconds(_delay(found["period"], place))
    channel = next(name for name in CHANNELS if name in given)
    return ActivityCall(
        activity="notify",
        blueprint=Blueprint(NotifyCall, place.secrets, parts),
        label=lambda _request: channel,
        exchanges=_EXCHANGES,
    )


def _delay(written: JsonValue, place: Place) -> Delay:
    template = place.template(written)
    if template.constant:
        return Delay(duration_seconds(written), None)
    return Delay(None, template)
