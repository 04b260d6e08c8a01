"""The one Temporal workflow that runs every definition.

Dynamic, so that the Web UI shows the definition's own name as workflow type. Not sandboxed: this
code is ours, its inputs are data, and Temporal's sandbox would cost 40 % of a worker's CPU.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from pydantic_core import to_json
from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError, FailureError
from temporalio.workflow import ContinueAsNewError

from activities.definitions.types import Engine
from activities.limits.types import TURN_SIGNAL
from activities.schedules.types import TriggerKind
from foundation.json import JsonObject, JsonValue
from workflows.interpreter.attributes import STATUS
from workflows.interpreter.beginning import describe, read_start, refuse_too_many
from workflows.interpreter.calls import Calls, payload_size
from workflows.interpreter.carrying import carried_on, taken_over
from workflows.interpreter.compiler import Plan, plan_of, trigger_of
from workflows.interpreter.control import Control, Leaving
from workflows.interpreter.ending import PLACE, Ending, cancelled, completed, faulted
from workflows.interpreter.engines import WrongEngineError, known_version, required_version
from workflows.interpreter.faults import Fault, unexpected
from workflows.interpreter.lifecycle import Lifecycle, Teller
from workflows.interpreter.loading import followed, load
from workflows.interpreter.position import State
from workflows.interpreter.resets import ASKED_ANEW, UNDISTURBED, was_reset
from workflows.interpreter.run import Ballot, Frame, Run, Scope, Watcher, instant, moment
from workflows.interpreter.steps import flow
from workflows.interpreter.timeline import Timeline
from workflows.interpreter.types import (
    DECIDE_UPDATE,
    EVENTS_SIGNAL,
    NOT_OPEN,
    PAUSE_UPDATE,
    PROGRESS_QUERY,
    RESCHEDULED_SIGNAL,
    RESUME_UPDATE,
    Decision,
    Progress,
    RunStatus,
    StartInput,
)

# Each answer to a query repeats it; with it and a page of events an answer stays small enough not
# to be kept in the blob store.
MAX_TOLD_INPUT_BYTES: Final = 8_000


@workflow.defn(dynamic=True, sandboxed=False)
class Interpreter:
    """Run a definition; answer what it is doing."""

    def __init__(self) -> None:
        self.timeline = Timeline()
        self.calls = Calls()
        self.ending: Ending | None = None
        self.plan: Plan | None = None
        self.engine: Engine | None = None
        self.input: JsonValue = None
        self.input_told = True
        self.run_before: str | None = None
        self.current: Run | None = None
        self.watcher: Watcher | None = None
        self.woken: set[str] = set()
        self.reschedules = 0
        self.disturbed = workflow.info().get_current_history_length() > UNDISTURBED
        self.loop = asyncio.get_running_loop()
        # A run that is reset gets another seed, and at no other time.
        workflow.register_random_seed_callback(self.notice_reset)

    @workflow.signal(name=EVENTS_SIGNAL)
    def events(self, listening: list[str]) -> None:
        """There are events for these listening tasks."""
        self.woken.update(listening)

    def notice_reset(self, _seed: int) -> None:
        """Take note as soon as the run itself goes on, which may command something then."""
        self.loop.call_soon(self.ask_anew)

    def ask_anew(self) -> None:
        """Let people be asked anew: somebody has taken the run back to this moment."""
        run = self.current
        # Runs that were reset before there was this have gone on without.
        if run is not None and run.approvals and workflow.patched(ASKED_ANEW):
            run.resets += 1

    @workflow.signal(name=RESCHEDULED_SIGNAL)
    def reschedule(self) -> None:
        """Ask again what to follow."""
        self.reschedules += 1
        if self.current is not None:
            self.current.rescheduled = True
            # Whoever waits for events looks at once.
            self.woken.update(self.current.waiting)

    async def begun(self) -> None:
        """Wait until the run has gone as far as it can by itself.

        A handler runs before the run where both are new. A refused update leaves nothing in the
        history: then what had begun long before another message came is new beside it when the run
        is replayed, and the message must find the same.
        """
        if self.current is None:
            await workflow.wait_condition(lambda: self.current is not None)

    @workflow.update(name=DECIDE_UPDATE)
    async def decide(self, decision: Decision) -> None:
        """Take what somebody says to an approval.

        Raises:
            ApplicationError: When it cannot be taken, which only a run that is new finds out here.
        """
        if self.current is None:
            await self.begun()
            self.require_allowed(decision)
        self.ballot(decision).take(decision)

    @decide.validator
    def may_decide(self, decision: Decision) -> None:
        """Refuse what cannot be taken; a refusal leaves no trace in the history.

        Raises:
            ApplicationError: Which says why.
        """
        # Said to what this run has asked anew since. Only here: replayed, it has been taken.
        if was_reset() and decision.asked_by not in (None, workflow.info().run_id):
            raise ApplicationError("It is not open.", type=NOT_OPEN, non_retryable=True)
        # A run that is new does not know yet what it asks.
        if self.current is not None:
            self.require_allowed(decision)

    def require_allowed(self, decision: Decision) -> None:
        """Look whether a decision can be taken.

        Raises:
            ApplicationError: Which says why not.
        """
        refused = self.ballot(decision).refusal(decision)
        if refused is not None:
            kind, why = refused
            raise ApplicationError(why, type=kind.value, non_retryable=True)

    def ballot(self, decision: Decision) -> Ballot:
        """Return what decides an approval that is open.

        Raises:
            ApplicationError: When it is not (yet, or any more) open in this run.
        """
        found = self.current.approvals.get(decision.approval) if self.current else None
        if found is None:
            raise ApplicationError("It is not open.", type=NOT_OPEN, non_retryable=True)
        return found

    @workflow.query(name=PROGRESS_QUERY)
    def progress(self, after: int = 0) -> Progress:
        """Return what happened after the event with this sequence number."""
        plan = self.plan
        return self.timeline.progress(after).model_copy(
            update={
                "version": plan.version if plan else None,
                "definition_hash": plan.hash if plan else None,
                "engine": self.engine,
                "input": self.input if self.input_told else None,
                "input_told": self.input_told,
                "run_before": self.run_before,
                "status": self.status(),
                "waiting_for": list(self.current.waiting.values()) if self.current else [],
                "compensation": self.ending.compensation if self.ending else None,
                "failed_at": self.ending.execution if self.ending else None,
            }
        )

    @workflow.update(name=PAUSE_UPDATE)
    async def pause(self) -> None:
        """Begin no further task until somebody resumes the run."""
        await self.begun()
        self.set_paused(paused=True)

    @workflow.update(name=RESUME_UPDATE)
    async def resume(self) -> None:
        """Go on."""
        await self.begun()
        self.set_paused(paused=False)

    @workflow.signal(name=TURN_SIGNAL)
    async def turn(self, execution: str) -> None:
        """Let a call ask again that waits because of its limits; others are not waited for."""
        await self.begun()
        run = self.current
        if run is not None and execution in run.turns:
            run.turns[execution] = True

    def set_paused(self, *, paused: bool) -> None:
        """Stop the run between its tasks, or let it go on."""
        if self.current is not None:
            self.current.control.paused = paused
            self.announce()

    def status(self) -> RunStatus:
        """Say what the run is doing."""
        run, ending = self.current, self.ending
        if run is None:
            return RunStatus.PENDING
        if run.control.paused:
            return RunStatus.PAUSED
        if ending is not None and ending.phase == "compensating":
            return RunStatus.COMPENSATING
        if run.waiting and len(run.waiting) == run.control.branches:
            return RunStatus.WAITING
        return RunStatus.RUNNING

    def announce(self, final: RunStatus | None = None) -> None:
        """Let people find the run by what it is doing; each change is an event of its history."""
        status = final or self.status()
        known = workflow.info().typed_search_attributes.get(STATUS) or RunStatus.RUNNING
        if status != known:
            workflow.upsert_search_attributes([STATUS.value_set(status)])
            if self.current is not None:
                self.current.lifecycle.status(RunStatus(known), status)

    @workflow.run
    async def run(self, args: Sequence[RawValue]) -> JsonValue:
        """Run to the end; the output of the workflow is the result."""
        try:
            return await self.run_definition(args)
        except Fault as fault:
            await self.last_words(faulted(fault))
            # Without its cause: the text of an exception has no bound, a failure has.
            raise fault.as_failure() from None
        except (WrongEngineError, FailureError, ContinueAsNewError):
            raise
        except Exception as error:  # noqa: BLE001 - Temporal would try the task for ever
            made = unexpected(error)
            await self.last_words(faulted(made))
            raise made.as_failure() from None
        finally:
            self.timeline.ended = True

    async def last_words(self, state: State) -> None:
        """Tell others how the run ends, and wait until all that it told is on its way."""
        if self.current is None:
            return
        self.current.lifecycle.ended(state)
        await self.current.lifecycle.settle()

    async def run_definition(self, args: Sequence[RawValue]) -> JsonValue:
        """Run to the end, or to where a new run goes on.

        Raises:
            ContinueAsNewError: When a new run goes on.
            Fault: When the definition faults, or cannot be run at all.
        """
        start = read_start(args)
        self.input = start.input
        self.input_told = len(to_json(start.input)) <= MAX_TOLD_INPUT_BYTES
        self.calls.tenant_id = start.tenant_id
        if start.trigger is not None:
            await self.follow(start, start.trigger)
            return None
        refuse_too_many(start.generation)
        document, content_hash, self.engine = await load(start, self.calls)
        plan = self.plan = plan_of(document, content_hash, required_version(self.engine))
        describe(start, plan)
        run = self.current = self.begin(plan, start)
        if workflow.info().continued_run_id is None:
            run.lifecycle.started(plan.document)
        try:
            ending = self.ending = Ending(run, await self.outcome(plan, start, run))
            if plan.undoing or plan.at_the_end:
                await ending.end(plan.undoing, plan.at_the_end)
        except Leaving:
            following = carried_on(start, run, self.engine)
            await run.lifecycle.settle()
            workflow.continue_as_new(args=[following])
        final = ending.final
        if final is not None or ending.compensation is not None:
            self.announce(final)
        await self.last_words(ending.state)
        return ending.result()

    async def follow(self, start: StartInput, kind: TriggerKind) -> None:
        """Start instances of the definition for as long as it has such a schedule.

        Raises:
            ContinueAsNewError: When a new run goes on.
        """
        finished: int | None = None
        states: dict[str, State] | None = None
        before: State = {}
        number = 0
        while True:
            asked = self.reschedules
            found = await followed(start, kind, finished, self.calls)
            if found is None:
                if self.reschedules == asked:
                    return
                continue
            self.engine = found.engine
            # Instances pin the interpreter; this has to outlive all of its versions.
            version = known_version(self.engine)
            plan = self.plan = plan_of(found.document, found.hash, version)
            run = self.current = self.begin(plan, start)
            run.changed = _quiet
            if states is not None:
                run.resumed = states
            run.rescheduled = self.reschedules != asked
            # What comes after a later one was passed over before, and knows nothing of that.
            trigger = trigger_of(found, version, kind, before if found.number > number else {})
            number = found.number
            frame = Frame(trigger, None, Scope(run))
            try:
                await trigger.body.execute(None, frame)
            except Leaving:
                workflow.continue_as_new(args=[carried_on(start, run, self.engine)])
            before, states = frame.state, frame.position.snapshot()
            # Only what knew that no more comes has looked for the last of it.
            finished = found.number if found.over else None

    async def outcome(self, plan: Plan, start: StartInput, run: Run) -> State:
        """Run the definition, the workflow being the outermost task; tell how that ended.

        Raises:
            Leaving: When the history is long: the rest is for a new run.
        """
        if PLACE in run.resumed:
            return run.resumed.pop(PLACE)
        frame = Frame(plan.root, start.input, Scope(run))
        try:
            output = (await flow(plan.root, start.input, frame)).output
            payload_size(output)
        except Fault as fault:
            return faulted(fault, late=fault.late == frame.path)
        except Leaving:
            raise
        except Exception as error:  # noqa: BLE001 - what was done has to be undone
            return faulted(unexpected(error))
        except asyncio.CancelledError:
            return cancelled()
        return completed(output)

    def begin(self, plan: Plan, start: StartInput) -> Run:
        """Make the state of the run, or take over that of the one before."""
        info, carried = workflow.info(), start.carried
        started_at = moment(carried.started_at) if carried else info.start_time
        descriptor: JsonObject = {
            "id": info.workflow_id,
            "definition": plan.document,
            "input": start.input,
            "startedAt": instant(started_at),
        }
        runtime: JsonObject = {
            "name": "millwright",
            "version": self.engine.interpreter if self.engine else None,
            "metadata": self.engine.model_dump() if self.engine else {},
        }
        if carried is not None:
            self.timeline.last, self.run_before = carried.last_event, carried.run_id
        lifecycle = Lifecycle(
            # What starts instances is none.
            plan.lifecycle if start.trigger is None else "none",
            Teller(info.workflow_id, info.first_execution_run_id, start.generation),
            self.calls,
            carried.changes if carried else 0,
        )
        run = Run(
            tenant_id=start.tenant_id,
            descriptor=descriptor,
            context=carried.context if carried else None,
            runtime=runtime,
            calls=self.calls,
            timeline=self.timeline,
            control=Control(paused=carried.paused if carried else False, halted=lifecycle.halted),
            resumed=taken_over(start),
            undoable=list(carried.undoable) if carried else [],
            changed=self.announce,
            generation=start.generation,
            started_at=started_at.timestamp(),
            watcher=self.watcher,
            woken=self.woken,
            disturbed=self.disturbed,
            lifecycle=lifecycle,
        )
        self.calls.charge = run.charge
        return run


def _quiet() -> None:
    """Announce nothing: what starts instances is found by nobody."""
