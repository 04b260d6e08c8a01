"""What the next run of an instance is told of this one, where a history has become long."""

from temporalio import workflow

from activities.definitions.types import Engine
from workflows.interpreter.calls import payload_size
from workflows.interpreter.position import State, postpone
from workflows.interpreter.run import Run
from workflows.interpreter.sharing import restored, shared
from workflows.interpreter.types import Carried, StartInput


def carried_on(start: StartInput, run: Run, engine: Engine | None) -> StartInput:
    """Return what the next run is started with, which knows where this one stood.

    Raises:
        Fault: When what it would have to know is too large.
    """
    states, taken_out = shared(run.control.states(), start.input)
    carried = Carried(
        states=states,
        shared=taken_out,
        undoable=run.undoable,
        context=run.context,
        started_at=run.started_at,
        paused=run.control.paused,
        last_event=run.timeline.last,
        run_id=workflow.info().run_id,
        changes=run.lifecycle.changes,
    )
    following = start.model_copy(update={"carried": carried, "engine": engine})
    payload_size(following)
    return following


def taken_over(start: StartInput) -> dict[str, State]:
    """Return where the run before stood; time has stood still for one that had ended."""
    carried = start.carried
    if carried is None:
        return {}
    states = restored(carried.states, carried.shared, start.input)
    if carried.stood_at is not None:
        postpone(states.values(), workflow.time() - carried.stood_at)
    return states
