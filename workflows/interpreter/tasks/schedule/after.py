"""`schedule.after`: an instance, a pause when it has ended, the next instance."""

from dataclasses import dataclass

from temporalio import workflow
from temporalio.exceptions import ChildWorkflowError

from activities.schedules.types import TriggerKind
from foundation.json import JsonValue
from workflows.interpreter.calls import shortened
from workflows.interpreter.compiling import Place
from workflows.interpreter.durations import Delay
from workflows.interpreter.faults import Fault
from workflows.interpreter.run import Frame
from workflows.interpreter.steps import Outcome, Step
from workflows.interpreter.tasks.schedule.starting import Starting, starting_of


@dataclass(frozen=True, slots=True)
class AfterCompletion:
    """Start one instance after the other, until the definition's schedule is another one."""

    starting: Starting
    delay: Delay

    async def execute(self, value: JsonValue, frame: Frame) -> Outcome:
        state, run = frame.state, frame.run
        while not run.rescheduled:
            if "ended" not in state:
                await run.breathe()
                await run.control.boundary(frame.position)
                state["count"] = state.get("count", 0) + 1
                await self._run(frame)
                state["ended"] = workflow.time()
            elif await self._paused(frame):
                del state["ended"]
        return Outcome(value)

    async def _run(self, frame: Frame) -> None:
        """Run an instance to its end, whatever that is: only a new version ends the schedule."""
        cause = f"{workflow.info().first_execution_run_id} {frame.state['count']}"
        with frame.waits("instance"):
            instance = await self.starting.begin(frame, cause, None)
            try:
                await instance
            except ChildWorkflowError as error:
                workflow.logger.info("scheduled_instance_failed", extra={"why": str(error)})

    async def _paused(self, frame: Frame) -> bool:
        """Wait for the next one to be due; False when the schedule has changed meanwhile."""
        run, control = frame.run, frame.run.control
        until = frame.state["ended"] + self.delay.seconds(None, frame)
        while not run.rescheduled:
            left = until - workflow.time()
            try:
                with frame.waits("timer", until):
                    await workflow.wait_condition(
                        lambda: control.leaving or run.rescheduled,
                        timeout=max(left, 0.0),
                        timeout_summary=shortened(frame.path),
                    )
            except TimeoutError:
                return True
            await control.boundary(frame.position)
        return False


def compile_after(place: Place, wanted_by: str | None) -> Step:
    """Compile the trigger of a definition that starts after it has ended.

    Raises:
        Fault: When it does not.
    """
    definition = place.unit.definition
    if definition.schedule is None or definition.schedule.after is None:
        raise Fault.of("configuration", "The definition has no schedule.after", place.reference)
    body = AfterCompletion(
        starting_of(definition, TriggerKind.AFTER, wanted_by),
        place.delay(definition.schedule.after),
    )
    return Step(name="after", reference=place.reference, kind="schedule", definition={}, body=body)
