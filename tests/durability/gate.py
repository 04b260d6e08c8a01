"""A gate between workers and Temporal: a run gets exactly as far as a test says.

Everything that moves a run on is one message through here: a task that a worker is handed, or what
it says when it has done one. At its stop a run is held: from then on nothing that a worker says of
it reaches Temporal, and nothing that Temporal says of it reaches a worker. Its history stays as it
is until the worker is killed. Other runs of the same worker go on, up to stops of their own.

To be held is to be cut off for a while; workers notice nothing but silence.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Condition, Thread
from time import monotonic
from typing import Any, Final

import grpc
from temporalio.api.enums.v1 import CommandType
from temporalio.api.workflowservice.v1 import (
    PollActivityTaskQueueResponse,
    PollWorkflowTaskQueueResponse,
    RespondActivityTaskCanceledRequest,
    RespondActivityTaskCompletedRequest,
    RespondActivityTaskFailedRequest,
    RespondWorkflowTaskCompletedRequest,
    RespondWorkflowTaskCompletedResponse,
    RespondWorkflowTaskFailedRequest,
)
from typing_extensions import override

from deploy.local.ports import LOOPBACK

POLLS: Final[Mapping[str, Any]] = {
    "PollWorkflowTaskQueue": PollWorkflowTaskQueueResponse,
    "PollActivityTaskQueue": PollActivityTaskQueueResponse,
}
SAID: Final[Mapping[str, Any]] = {
    "RespondWorkflowTaskCompleted": RespondWorkflowTaskCompletedRequest,
    "RespondWorkflowTaskFailed": RespondWorkflowTaskFailedRequest,
    "RespondActivityTaskCompleted": RespondActivityTaskCompletedRequest,
    "RespondActivityTaskFailed": RespondActivityTaskFailedRequest,
    "RespondActivityTaskCanceled": RespondActivityTaskCanceledRequest,
}
NO_LIMIT: Final = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
]
# Of the transport, which both sides of the gate have for themselves.
OWN_HEADERS: Final = frozenset({"user-agent", "te", "content-type", "grpc-accept-encoding"})


@dataclass(frozen=True, slots=True)
class Stop:
    """Where a run is held.

    Attributes:
        number: Of the message, counted from one.
        told: Whether Temporal still gets it, when it is something that a worker says. If not, all
            that the worker did for it is done, and nobody knows.
    """

    number: int
    told: bool


@dataclass(slots=True)
class Passage:
    """How far one run has come.

    Attributes:
        key: Which run.
        workflow_id: Under which Temporal knows it.
        said: What went through, in order: `PollActivityTaskQueue ask`.
        closed: Nothing more goes through.
        held: It is at its stop, and all that had to go through has.
        held_at: Since when.
        ended: Its end has been told.
    """

    key: str
    stop: Stop | None = None
    workflow_id: str = ""
    said: list[str] = field(default_factory=list)
    closed: bool = False
    held: bool = False
    held_at: float = 0.0
    ended: bool = False

    def says(self, what: str) -> bool:
        """Take one message more; tell whether the run is at its stop with it."""
        self.said.append(what)
        self.closed = self.stop is not None and self.stop.number == len(self.said)
        return self.closed

    @property
    def gone(self) -> bool:
        """Whether it is at its end, and was never held."""
        return self.ended and not self.held

    def hold(self) -> None:
        """Say that it is at its stop."""
        self.held, self.held_at = True, monotonic()


class Gate(grpc.GenericRpcHandler):
    """Lets every call through as it is, but for runs that are held.

    Args:
        address: Where Temporal is.
        key_of: Which run a workflow belongs to, by its type and id; None for one that is let pass.
    """

    def __init__(self, address: str, key_of: Callable[[str, str], str | None]) -> None:
        self.passages: dict[str, Passage] = {}
        self.changed = Condition()
        self.target = address
        self._key_of = key_of
        # Children belong to the run that began them.
        self._keys: dict[str, str | None] = {}
        self._tasks: dict[bytes, tuple[str, str, bool]] = {}
        self._loop = asyncio.new_event_loop()
        self._closed = asyncio.Event()
        self._port = 0
        ready = Condition()
        self._thread = Thread(target=self._loop.run_until_complete, args=(self._serve(ready),))
        with ready:
            self._thread.start()
            assert ready.wait(30)

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self._port}"

    def stop_at(self, key: str, stop: Stop | None) -> Passage:
        """Say where a run is to be held; before it is started."""
        passage = self.passages[key] = Passage(key, stop)
        return passage

    def open(self) -> None:
        """Hold nobody any longer."""
        for passage in self.passages.values():
            passage.stop, passage.closed, passage.held = None, False, False

    def until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Wait until so much has gone through; tell whether it has."""
        with self.changed:
            return self.changed.wait_for(condition, seconds)

    def held(self) -> set[str]:
        """Return the runs that are held now."""
        return {key for key, each in self.passages.items() if each.held}

    def told(self) -> str:
        """Say where everybody is, for people who wonder why nothing goes on."""
        return "\n".join(
            f"{each.key}: {len(each.said)} of {each.stop}, last {each.said[-1:]}"
            for each in self.passages.values()
            if not (each.held or each.ended)
        )

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._closed.set)
        self._thread.join()
        self._loop.close()

    @override
    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        method = handler_call_details.method

        async def handle(request: bytes, context: Any) -> bytes:
            return await self._handle(method, request, context)

        return grpc.unary_unary_rpc_method_handler(handle)

    async def _serve(self, ready: Condition) -> None:
        server = grpc.aio.server(options=NO_LIMIT)
        server.add_generic_rpc_handlers([self])
        self._port = server.add_insecure_port(f"{LOOPBACK}:0")
        async with grpc.aio.insecure_channel(self.target, options=NO_LIMIT) as self._channel:
            await server.start()
            with ready:
                ready.notify_all()
            await self._closed.wait()
            await server.stop(None)

    async def _handle(self, method: str, request: bytes, context: Any) -> bytes:
        name = method.rpartition("/")[2]
        if name in POLLS:
            return self._handed(name, await self._forward(method, request, context))
        if name in SAID:
            return await self._says(name, method, request, context)
        return await self._forward(method, request, context)

    def _handed(self, name: str, answer: bytes) -> bytes:
        """Note a task that a worker gets; a held run's looks like a poll that found nothing."""
        task = POLLS[name].FromString(answer)
        if not task.task_token:
            return answer
        if name == "PollWorkflowTaskQueue" and task.HasField("query"):
            return answer
        passage = self._passage(task)
        if passage is None:
            return answer
        with self.changed:
            if not passage.closed:
                if passage.says(f"{name} {_what(task)}"):
                    passage.hold()
                self.changed.notify_all()
            return b"" if passage.closed else answer

    async def _says(self, name: str, method: str, request: bytes, context: Any) -> bytes:
        said = SAID[name].FromString(request)
        key, what, is_root = self._tasks.get(said.task_token, ("", "", False))
        passage = self.passages.get(key)
        if passage is None:
            return await self._forward(method, request, context)
        with self.changed:
            passes = not passage.closed
            stops = passes and passage.says(f"{name} {what}")
            if stops and passage.stop is not None and not passage.stop.told:
                passes = False
                passage.hold()
            self.changed.notify_all()
        if not passes:
            await self._silence()
        answer = await self._forward(method, request, context)
        if name == "RespondWorkflowTaskCompleted":
            self._note_more(answer, key)
        with self.changed:
            passage.ended |= is_root and _ends(said)
            if stops:
                passage.hold()
            self.changed.notify_all()
        if passage.closed:
            await self._silence()
        return answer

    def _note_more(self, answer: bytes, key: str) -> None:
        """Note the tasks that come with the answer to one that is done."""
        more = RespondWorkflowTaskCompletedResponse.FromString(answer)
        if more.workflow_task.task_token:
            self._note(more.workflow_task, key)
        for each in more.activity_tasks:
            self._note(each, key)

    def _passage(self, task: Any) -> Passage | None:
        workflow_id = task.workflow_execution.workflow_id
        if workflow_id not in self._keys:
            self._keys[workflow_id] = self._found(task, workflow_id)
        key = self._keys[workflow_id]
        if key is None or key not in self.passages:
            return None
        self._note(task, key)
        return self.passages[key]

    def _found(self, task: Any, workflow_id: str) -> str | None:
        first = task.history.events[0].workflow_execution_started_event_attributes
        parent = first.parent_workflow_execution.workflow_id
        own = self._key_of(task.workflow_type.name, workflow_id)
        return self._keys.get(parent) if own is not None and parent else own

    def _note(self, task: Any, key: str) -> None:
        workflow_id = task.workflow_execution.workflow_id
        is_root = workflow_id.endswith(f"/{key}")
        if is_root:
            self.passages[key].workflow_id = workflow_id
        self._tasks[task.task_token] = (key, _what(task), is_root)

    @staticmethod
    async def _silence() -> None:
        """Say nothing until the worker is gone."""
        await asyncio.Event().wait()

    async def _forward(self, method: str, request: bytes, context: Any) -> bytes:
        call: Any = self._channel.unary_unary(method)
        metadata = [
            (name, value)
            for name, value in context.invocation_metadata()
            if name not in OWN_HEADERS
        ]
        try:
            answer: bytes = await call(request, metadata=metadata, timeout=context.time_remaining())
        except grpc.aio.AioRpcError as error:
            await context.abort(error.code(), error.details() or "", error.trailing_metadata())
            raise
        return answer


def _what(task: Any) -> str:
    is_call = isinstance(task, PollActivityTaskQueueResponse)
    return str(task.activity_id if is_call else task.workflow_type.name)


def _ends(said: Any) -> bool:
    return isinstance(said, RespondWorkflowTaskCompletedRequest) and any(
        command.command_type
        in {
            CommandType.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION,
            CommandType.COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION,
        }
        for command in said.commands
    )
