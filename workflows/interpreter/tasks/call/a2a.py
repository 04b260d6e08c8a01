"""`call: a2a`: one request to an agent, which its card or its address names."""

from typing import Final

from activities.a2a.types import A2aCall
from workflows.definition import CallA2a
from workflows.interpreter.compiling import Place
from workflows.interpreter.requests import Blueprint, Value
from workflows.interpreter.tasks.call.activity import ActivityCall, patience
from workflows.interpreter.tasks.call.endpoint import compile_endpoint

# Agents think. One that thinks longer gets a task timeout, or is asked with tasks/get.
TIMEOUT_S: Final = 120.0


def compile_a2a(task: CallA2a, place: Place) -> ActivityCall[A2aCall]:
    """Compile a `call: a2a` task; with a card, the language does not look at `server`."""
    given = task.with_
    written = given.agent_card.endpoint if given.agent_card else given.server
    if written is None:
        raise ValueError("The checks let no call without an agent through.")
    endpoint = compile_endpoint(written, place)
    return ActivityCall(
        activity="a2a-call",
        blueprint=Blueprint(
            A2aCall,
            place.secrets,
            {
                "uri": endpoint.uri,
                "login": endpoint.login,
                "parameters": Value(place.template(given.parameters)),
            },
        ),
        label=lambda request: request.method,
        fixed={"method": given.method, "address": "card" if given.agent_card else "server"},
        timeout=patience(task, place),
        timeout_s=TIMEOUT_S,
        # The card may have to be read first.
        exchanges=2,
    )
