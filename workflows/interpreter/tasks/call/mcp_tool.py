"""`call: mcp.tool`: a tool of an MCP server that the tenant has registered with the ToolHub.

A tool may take longer than a call: the server then answers with a task of its own, for which it is
asked until that ends. The handle is part of the task's state, so any worker can go on, and the next
run too. It comes from the activity only: no expression can give or read it. The same holds for what
a tool asks: people answer that (`asking`), and the call is sent again with what they say.
"""

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy

from activities.mcp.types import McpAnswer, McpCall, McpTask
from activities.types import ActivityResult, NotYet
from foundation.json import JsonValue
from workflows.definition import CallFunction
from workflows.interpreter.calls import CALL_RETRY
from workflows.interpreter.compiling import Place
from workflows.interpreter.faults import Fault
from workflows.interpreter.position import State
from workflows.interpreter.requests import Blueprint, Value
from workflows.interpreter.run import Frame
from workflows.interpreter.steps import Outcome
from workflows.interpreter.tasks.call.activity import ActivityCall
from workflows.interpreter.tasks.call.asking import People, compile_people

# Tools open workbooks and drive machines; what takes longer is for servers that make tasks of it.
TIMEOUT_S: Final = 60.0
# So long one activity asks: a short one costs history, a long one holds up a run that is to go on
# as a new one.
FOLLOW_S: Final = 240.0
# On top of it: the last pause, the last answer, and our own database.
_SPARE_S: Final = 180.0
_CANCEL_S: Final = 10.0
# Asking does no harm, and the task is there when its server is back.
FOLLOW_RETRY: Final = RetryPolicy(
    initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30)
)
# Under which the state of the task of the definition keeps the task of the server.
_LATER: Final = "later"
ON_ARRIVAL: Final = "mcp-task-cancelled-on-arrival"


@dataclass(frozen=True, slots=True)
class ToolCall:
    """Call a tool; when the answer is 'not yet', wait for it.

    Attributes:
        people: Who answers what it asks, if anybody does.
    """

    call: ActivityCall[McpCall]
    people: People | None

    async def execute(self, value: JsonValue, frame: Frame) -> Outcome:
        state = frame.state
        if _LATER not in state:
            request, answer = await self._begun(value, frame)
            if answer.later is None:
                return Outcome(answer.value)
            state[_LATER] = _later(request, answer, answer.later)
        try:
            return Outcome(await self._end(value, frame))
        except asyncio.CancelledError:
            await _cancel(frame)
            raise
        except Fault:
            if _is_question(frame):
                # What was said went to the call that failed: a retry begins with another one.
                del state[_LATER]
            raise

    async def _begun(self, value: JsonValue, frame: Frame) -> tuple[McpCall, ActivityResult]:
        """Call the tool. Who is cancelled while the answer arrives still lets the server stop."""
        came: list[tuple[McpCall, RawValue]] = []
        try:
            return await self.call.answered(value, frame, lambda *both: came.append(both))
        except asyncio.CancelledError:
            if came:
                request, raw = came[-1]
                answer = workflow.payload_converter().from_payload(raw.payload, ActivityResult)
                # Older versions left the task to its server.
                if answer.later is not None and workflow.patched(ON_ARRIVAL):
                    frame.state[_LATER] = _later(request, answer, answer.later)
                    await _cancel(frame)
            raise

    async def _end(self, value: JsonValue, frame: Frame) -> JsonValue:
        """Wait until there is a value, even across runs: for a server, or for people."""
        later, control = frame.state[_LATER], frame.run.control
        while True:
            if _is_question(frame):
                answer = await self._told(value, frame)
            else:
                later["asked"] += 1
                answer = await _ask(frame, "follow", later["asked"])
            if answer.later is None:
                # How often a question was asked is not how often the tool was called.
                frame.attempts = later["attempts"]
                return answer.value
            _goes_on(later, answer.later)
            await frame.run.breathe()
            if control.leaving:
                await control.boundary(frame.position)

    async def _told(self, value: JsonValue, frame: Frame) -> ActivityResult:
        """Let people answer what the tool asks, and the call go on with that."""
        later = frame.state[_LATER]
        question, answers = later["handle"], later["answers"]
        assert self.people is not None  # noqa: S101 - else nobody has said that there are some
        round_, who = question["round"], f"{question['server']} {question['tool']}"
        for number, asked in enumerate(question["asked"]):
            if asked["id"] not in answers:
                mark = f"question {round_}.{number + 1}"
                answers[asked["id"]] = await self.people.answer(asked, who, mark, value, frame)
        if not question["asked"]:
            # It only wants to be called again, and not at once.
            await frame.sleep(float(round_), f"pause {round_}")
        request = McpAnswer.model_validate(
            {**later["request"], "question": question, "answers": answers}
        )
        came: list[RawValue] = []
        path = f"{frame.path} answer {round_}"
        try:
            return await self.call.sent(
                request,
                frame,
                "mcp-answer",
                path,
                path,
                # A local one has no heartbeat, and who called first has no time left for another.
                policy=replace(frame.step.policy, local=False),
                arrived=lambda _, raw: came.append(raw),
            )
        except asyncio.CancelledError:
            if came:
                answer = workflow.payload_converter().from_payload(came[-1].payload, ActivityResult)
                if answer.later is not None:
                    _goes_on(later, answer.later)
            raise


def _later(request: McpCall, answer: ActivityResult, later: NotYet) -> State:
    state: State = {
        "handle": later.handle,
        "sealed": request.sealed.model_dump(mode="json") if request.sealed else None,
        "attempts": answer.attempts,
        "asked": 0,
    }
    if later.kind == "question":
        # The same call goes on: with what it was made with, whatever expressions would give now.
        state |= {"answers": {}, "request": request.model_dump(mode="json")}
    return state


def _goes_on(later: State, answer: NotYet) -> None:
    """Take note of what there is to wait for next."""
    later["handle"] = answer.handle
    if answer.kind == "question":
        later["answers"] = {}
    elif "answers" in later:
        del later["answers"]


def _is_question(frame: Frame) -> bool:
    return "answers" in frame.state.get(_LATER, {})


async def _cancel(frame: Frame) -> None:
    """Let the server stop. That must not keep the cancellation from going on."""
    if _is_question(frame):
        return  # a server that has asked is not waiting: it runs when it is called again
    try:
        await _ask(frame, "cancel")
    except Fault as fault:
        workflow.logger.warning("mcp_task_not_cancelled", extra={"error": fault.error})


async def _ask(frame: Frame, what: str, number: int | None = None) -> ActivityResult:
    later, following = frame.state[_LATER], what == "follow"
    path = f"{frame.path} {what}" + (f" {number}" if number else "")
    return await frame.run.calls.execute(
        f"mcp-task-{what}",
        McpTask(
            tenant_id=frame.run.tenant_id,
            handle=later["handle"],
            sealed=later["sealed"],
            wait_s=FOLLOW_S if following else 0.0,
        ),
        ActivityResult,
        activity_id=path,
        summary=path,
        timeout_s=FOLLOW_S + _SPARE_S if following else _CANCEL_S,
        retry=FOLLOW_RETRY if following else CALL_RETRY,
        # How often a call may be tried says nothing about questions; local ones have no heartbeat.
        policy=replace(frame.step.policy, retry=None, local=False),
    )


def compile_mcp_tool(task: CallFunction, place: Place) -> ToolCall:
    """Compile a `call: mcp.tool` task; address, credential and schemas are the hub's."""
    given = dict(task.with_ or {})
    people = compile_people(given.pop("elicitation", None), place)
    return ToolCall(
        ActivityCall(
            activity="mcp-call",
            blueprint=Blueprint(
                McpCall,
                place.secrets,
                {name: Value(place.template(value)) for name, value in given.items()},
            ),
            label=lambda request: f"{request.server} {request.tool}",
            fixed={"takes_tasks": True, "takes_questions": people is not None},
            timeout_s=TIMEOUT_S,
        ),
        people,
    )
