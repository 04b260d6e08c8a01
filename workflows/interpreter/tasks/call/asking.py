"""What a tool asks, put to people: an approval with the tool's words and form.

Yes, with the form filled in, is `accept`, no is `decline`, and when nobody has answered in time it
is `cancel`. Who answers is told like who decides, and the answer is checked like a decision.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from foundation.json import JsonObject, JsonValue
from security.permissions import ROLES
from workflows.expressions import Template
from workflows.interpreter.compiling import Place
from workflows.interpreter.durations import Delay
from workflows.interpreter.run import Frame
from workflows.interpreter.tasks.call.approval.candidates import Candidates
from workflows.interpreter.tasks.call.approval.compiling import delay_of
from workflows.interpreter.tasks.call.approval.task import Ask

# Servers keep what they ask for hours rather than for weeks.
TIMEOUT_S: Final = 86_400.0
_TITLE_CHARS: Final = 200
_DECIDES: Final = "approval:decide"
_GO_THERE: Final = "Open the address, do there what it asks, then say yes here."


@dataclass(frozen=True, slots=True)
class People:
    """Those who answer what a tool asks.

    Attributes:
        candidates: Who they are, over the input of the task.
        ask: Asks them, over what `_shown` returns.
    """

    candidates: Template
    timeout: Delay
    ask: Ask

    async def answer(
        self, asked: JsonObject, who: str, mark: str, value: JsonValue, frame: Frame
    ) -> JsonObject:
        """Wait for what people say to one question; return it in the spelling of the protocol.

        Args:
            asked: As the hub tells it (`toolhub.elicitation.types.Asked`).
            who: The server and its tool.
            mark: Tells this question from others of the task.
            value: The input of the task.

        Raises:
            Fault: When an expression fails, or names nobody who could answer.
        """
        shown: JsonObject = {
            **_shown(asked, who),
            "candidates": frame.evaluate(self.candidates, value),
            "timeout": {"seconds": self.timeout.seconds(value, frame)},
        }
        inner = Frame(frame.step, shown, frame.inside(mark=f"/{mark}"))
        ask = self.ask if asked["form"] is not None else replace(self.ask, form=None)
        said = (await ask.execute(shown, inner)).output
        if not isinstance(said, dict):
            return {"action": "cancel"}
        if said["approved"] is not True:
            return {"action": "decline"}
        return {"action": "accept", **({} if asked["form"] is None else {"content": said["form"]})}


def compile_people(given: JsonValue, place: Place) -> People | None:
    """Compile `elicitation`, which may be left out; None when nobody is asked."""
    about: Mapping[str, JsonValue] = given if isinstance(given, dict) else {}
    if about.get("ask") is False:
        return None
    timeout, notify = about.get("timeout"), about.get("notify")
    return People(
        candidates=place.template(about.get("candidates", _whoever_decides())),
        timeout=delay_of(timeout["after"], place)
        if isinstance(timeout, dict)
        else Delay(TIMEOUT_S, None),
        ask=Ask(
            shown=place.template({"title": "${ .title }", "description": "${ .description }"}),
            data=place.template("${ .data }"),
            form=place.template("${ .form }"),
            candidates=Candidates({}, place.template("${ .candidates }")),
            quorum=place.template(1),
            allow_requester=about.get("allowRequester") is not False,
            reminders=(),
            ladder=(),
            timeout=Delay(None, place.template("${ .timeout }")),
            then="default",
            default=None,
            faults=False,
            notify=place.function(str(notify)) if notify is not None else None,
            misplaced=None,
        ),
    )


def _whoever_decides() -> JsonObject:
    roles: list[JsonValue] = [*sorted(role for role, may in ROLES.items() if _DECIDES in may)]
    return {"roles": roles}


def _shown(asked: JsonObject, who: str) -> JsonObject:
    """Return what people see: the tool's words, and that they are the tool's."""
    title = f"{who}: {asked['message']}"
    told = {name: asked[name] for name in ("message", "url", "host") if asked[name] is not None}
    return {
        "title": title if len(title) <= _TITLE_CHARS else f"{title[: _TITLE_CHARS - 1]}…",
        "description": f"The tool asks: {asked['message']}"
        + ("" if asked["url"] is None else f"\n\n{asked['host']}: {asked['url']}\n{_GO_THERE}"),
        "data": {"tool": who, **told},
        "form": asked["form"],
    }
