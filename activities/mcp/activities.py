"""Activities of MCP: hand over to the ToolHub, report while it works."""

import asyncio
from dataclasses import dataclass
from time import monotonic
from typing import Final

from temporalio import activity

from activities.heartbeat import Beat
from activities.logins.authenticator import Authenticator
from activities.logins.types import ReadyLogin, authorization
from activities.mcp.types import McpAnswer, McpCall, McpRequest, McpTask
from activities.patience import patiently
from activities.types import ActivityResult, NotYet
from activities.work import Opener, Work, working
from foundation.errors import ForbiddenError
from foundation.json import JsonObject, digest
from toolhub.elicitation.types import Answer, Question, Reply
from toolhub.errors import CallError
from toolhub.hub import ToolHub
from toolhub.schemas import CallOrigin, CallTool, OnProgress, ToolResult, TriedAgain
from toolhub.schemas import McpRequest as Request
from toolhub.tasks.types import Handle

# Of what a server says about its progress; Temporal keeps the last report.
_SHOWN_CHARS: Final = 200


@dataclass(frozen=True)
class McpActivities:
    """Activities over one hub."""

    hub: ToolHub
    opener: Opener
    logins: Authenticator

    @activity.defn(name="mcp-call")
    async def mcp_call(self, call: McpCall) -> ActivityResult:
        """Call a tool of a registered server."""
        return await self._called(call)

    @activity.defn(name="mcp-answer")
    async def mcp_answer(self, answer: McpAnswer) -> ActivityResult:
        """Let a call go on whose tool has asked something."""
        return await self._called(answer)

    async def _called(self, call: McpCall) -> ActivityResult:
        until = _until()
        async with working(self.opener, call) as work:
            request = CallTool(
                tenant_id=call.tenant_id,
                server=work.request.server,
                tool=work.request.tool,
                origin=_origin(call.tenant_id),
                sha256=work.request.sha256,
                arguments=work.request.arguments,
                timeout_s=call.timeout_s,
                call_id=_call_id(),
                idempotency_key=_chosen_key(work.request),
                maybe_ran=work.beat.maybe_ran,
                tried_again=_tried_again(call),
                comes_again=_comes_again(),
                takes_questions=work.request.takes_questions,
                reply=self._reply(work.request),
                until=until,
                on_send=work.beat.now_sent,
                on_not_run=work.beat.idle,
                on_progress=_told(work),
                clean=work.mask.value,
            )
            done = self.hub.start if work.request.takes_tasks else self.hub.call
            return await _answer(work, await patiently(lambda: done(request)))

    def _reply(self, request: McpCall) -> Reply | None:
        """Return what the call goes on with.

        Raises:
            ForbiddenError: Another tenant was asked.
            InputNeededError: It cannot go on any more.
        """
        if not isinstance(request, McpAnswer):
            return None
        question = Question.model_validate(request.question)
        if question.tenant_id != request.tenant_id:
            raise ForbiddenError("Another tenant was asked that. Call the tool yourself.")
        answers = {id_: Answer.model_validate(each) for id_, each in request.answers.items()}
        return self.hub.questions.reply(question, answers)

    @activity.defn(name="mcp-task-follow")
    async def mcp_task_follow(self, request: McpTask) -> ActivityResult:
        """Ask for a task again and again; without an end in time, say what to ask with."""
        async with working(self.opener, request) as work:
            handle, until = _latest(request, work.beat), monotonic() + request.wait_s
            while True:
                await asyncio.sleep(handle.pause_s)
                asked = handle
                answer = await patiently(lambda: self.hub.tasks.ask(asked))  # noqa: B023 - at once
                if isinstance(answer, ToolResult) or monotonic() >= until:
                    return await _answer(work, answer)
                handle = answer
                work.beat.keep(handle.model_dump(mode="json"))

    @activity.defn(name="mcp-task-cancel")
    async def mcp_task_cancel(self, request: McpTask) -> ActivityResult:
        """Tell the server of a task that nobody waits for it any more."""
        async with working(self.opener, request) as work:
            try:
                await self.hub.tasks.cancel(_own(request))
            except CallError as error:
                # Somebody waits for this to be over: it is tried again soon, or not at all.
                error.retry_after_s = None
                raise
            return await work.result(None)

    @activity.defn(name="mcp-request")
    async def mcp_request(self, request: McpRequest) -> ActivityResult:
        """Send one request to a server by its address."""
        async with working(self.opener, request) as work:

            async def send(login: ReadyLogin | None) -> JsonObject:
                return await self.hub.request(_as_request(work, login))

            result = await self.logins.logged_in(work, work.request.login, send)
            return await work.result(result)


# Hashed, both: they go to servers whom the names of tenants and workflows do not concern.


def _call_id() -> str:
    """Return what is the same on every attempt."""
    info = activity.info()
    return digest([info.workflow_id, info.workflow_run_id, info.activity_id])


def _origin(tenant_id: str) -> CallOrigin:
    info = activity.info()
    # Callers of the API know an instance by its own name: without the tenant, and with dots.
    name = (info.workflow_id or "").removeprefix(f"{tenant_id}/").replace("/", ".", 2)
    return CallOrigin(
        instance_id=name or None,
        run_id=info.workflow_run_id,
        task=info.activity_id,
        attempt=info.attempt,
    )


def _until() -> float | None:
    """Return when Temporal gives this attempt up, on the clock `time.monotonic`."""
    longest = activity.info().start_to_close_timeout
    return None if longest is None else monotonic() + longest.total_seconds()


def _tried_again(call: McpCall) -> TriedAgain:
    """Say what follows when this attempt fails; a definition tries again around all of them."""
    if call.again:
        return TriedAgain.ALWAYS
    if not call.repeats or _is_last():
        return TriedAgain.NEVER
    return TriedAgain.WHEN_SAFE


def _comes_again() -> bool:
    """Tell whether Temporal makes the call again when this worker dies, whatever is retried."""
    # A local activity is not in the history before it has ended.
    return activity.info().is_local or not _is_last()


def _is_last() -> bool:
    info = activity.info()
    # Without a policy, or with 0 in it, Temporal tries again without end.
    most = info.retry_policy.maximum_attempts if info.retry_policy else 0
    return info.attempt >= most > 0


def _chosen_key(request: McpCall | McpRequest) -> str | None:
    """Return what makes calls the same one, where the author of the definition says so."""
    if request.idempotency_key is None:
        return None
    return digest([request.tenant_id, request.idempotency_key])


async def _answer(
    work: Work[McpCall] | Work[McpTask], answer: ToolResult | Handle | Question
) -> ActivityResult:
    if isinstance(answer, ToolResult):
        result = await work.result(answer.value)
        if answer.fallback is None:
            return result
        why = work.mask.value(answer.fallback.model_dump(mode="json", exclude_none=True))
        return result.model_copy(update={"fallback": why})
    if isinstance(answer, Question):
        asked = [work.mask.value(each.model_dump(mode="json")) for each in answer.asked]
        later = NotYet(kind="question", handle={**answer.model_dump(mode="json"), "asked": asked})
    else:
        later = NotYet(kind="task", handle=answer.model_dump(mode="json"))
    return (await work.result(None)).model_copy(update={"later": later})


def _own(request: McpTask) -> Handle:
    """Read a handle.

    Raises:
        ForbiddenError: It is another tenant's.
    """
    handle = Handle.model_validate(request.handle)
    if handle.tenant_id != request.tenant_id:
        raise ForbiddenError("The task belongs to another tenant. Call the tool yourself.")
    return handle


def _latest(request: McpTask, beat: Beat) -> Handle:
    """Return the handle as the attempt before left it: its server may have said to keep it longer.

    Raises:
        ForbiddenError: The task is another tenant's.
    """
    given = _own(request)
    if beat.kept is None:
        return given
    latest = Handle.model_validate(beat.kept)
    same = given.model_copy(update={"pause_s": latest.pause_s, "ttl_s": latest.ttl_s})
    return same if latest.task_id == given.task_id else given


def _told(work: Work[McpCall] | Work[McpRequest]) -> OnProgress:
    async def told(progress: float, total: float | None, message: str | None) -> None:
        # Masked first: of a secret that is cut nobody finds the rest.
        shown = work.mask.text(message)[:_SHOWN_CHARS] if message else None
        work.report({"progress": progress, "total": total, "message": shown})

    return told


def _as_request(work: Work[McpRequest], login: ReadyLogin | None) -> Request:
    opened = work.request
    return Request(
        tenant_id=opened.tenant_id,
        url=opened.uri,
        command=opened.command,
        arguments=opened.arguments,
        method=opened.method,
        params=opened.parameters,
        headers=_headers(opened, login),
        protocol_version=opened.protocol_version,
        client_name=opened.client_name,
        client_version=opened.client_version,
        timeout_s=opened.timeout_s,
        call_id=_call_id(),
        attempt=activity.info().attempt,
        idempotency_key=_chosen_key(opened),
        on_send=work.beat.now_sent,
        on_progress=_told(work),
    )


def _headers(request: McpRequest, login: ReadyLogin | None) -> dict[str, str]:
    if login is None:
        return request.headers
    return {**request.headers, "authorization": authorization(login)}
