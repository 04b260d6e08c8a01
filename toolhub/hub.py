"""Calling a tool: one path for every dialect, each step in a module of its own.

What stands between `find` and `send` is told the `Outcome`: the breaker, the rate of calls and the
places of `toolhub.guard`, the log of calls, and right before the wire the ledger of what must not
run twice.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from hashlib import sha256
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

import structlog
from anyio import to_thread
from mcp.shared.inbound import mcp_param_headers
from mcp.types.version import KNOWN_PROTOCOL_VERSIONS

from foundation.apart import apart
from foundation.errors import InvalidInputError, MillwrightError, UnavailableError
from foundation.json import JsonObject, JsonValue
from foundation.schemas import as_details, described
from foundation.settings import McpSettings
from foundation.telemetry import trace_headers
from security.egress import check_url
from toolhub import results
from toolhub.answers import RESULT, check_output, judged
from toolhub.calls.log import CallLog, Noted
from toolhub.credentials import checked_headers
from toolhub.directory import STDIO_SCHEME, Directory, Entry
from toolhub.elicitation.questions import Questions, key_of, round_key, spelled
from toolhub.elicitation.types import Question
from toolhub.errors import (
    CallError,
    CredentialRefusedError,
    FallbackError,
    NoTokenError,
    OutcomeUnknownError,
    RequestFailedError,
    ToolInputError,
)
from toolhub.failures import Attempt, failure, lost
from toolhub.fallbacks.giving import Fallbacks
from toolhub.guard import Admission, Guard, Guarded
from toolhub.hiding import progress_without_secrets, without_secrets
from toolhub.ledger.sending import Send, Sent, send_once, sent_before
from toolhub.ledger.service import Ledger
from toolhub.ledger.types import Call
from toolhub.logins.service import Logins
from toolhub.observing import Observer
from toolhub.outcome import LOGIN_FAULTS, Kind, Outcome, classify
from toolhub.refreshing.plan import Refreshes
from toolhub.schemas import METHODS, CallTool, Dialect, McpRequest, ToolResult, TriedAgain
from toolhub.tasks.asking import Tasks
from toolhub.tasks.starting import started
from toolhub.tasks.types import Handle
from toolhub.wire.exchange import Destination, Exchange, Message, Program, Wire

log = structlog.get_logger()

IDEMPOTENCY_META: Final = "millwright/idempotencyKey"
# More than one exchange can need.
_IDS: Final = 1_000
_ANSWER: Final = frozenset({Kind.ANSWERED})


class ToolHub:
    """Calls tools of registered servers, and servers by their address.

    Attributes:
        tasks: Those that go on at a server after a call.
        questions: What tools ask people.

    Args:
        wires: The adapter of each dialect.
        guard: Stands before servers.
        ledger: Knows what was sent.
        log: Told of every call of a tool that was found.
        observer: Makes spans and metrics of calls.
        refreshes: Told when a server says that its tools have changed.
        fallbacks: Stand in for tools that cannot be called.
        logins: Gets the token that a call is sent with, before it is written down that it is sent.
        protection: What holds for servers that are not registered.
    """

    def __init__(
        self,
        directory: Directory,
        wires: Mapping[Dialect, Wire],
        guard: Guard,
        *,
        ledger: Ledger,
        log: CallLog,
        observer: Observer,
        refreshes: Refreshes,
        fallbacks: Fallbacks,
        protection: McpSettings,
        logins: Logins,
        questions: Questions,
    ) -> None:
        self._logins = logins
        self._directory = directory
        self._wires = wires
        self._guard = guard
        self._ledger = ledger
        self._log = log
        self._observer = observer
        self._refreshes = refreshes
        self._fallbacks = fallbacks
        self._protection = protection
        self.questions = questions
        self.tasks = Tasks(
            directory, wires[Dialect.MCP], guard, ledger=ledger, calls=log, observer=observer
        )

    async def call(self, call: CallTool) -> ToolResult:
        """Call a tool of a registered server.

        When it cannot be called, what its policy says stands in for it (`ToolResult.fallback`).

        Raises:
            UnknownServerError: The tenant has no such server.
            UnknownToolError: The server has no such tool.
            ToolQuarantinedError: It has changed and nobody has accepted that; nothing was sent.
            ToolPinError: It is not the one that the caller pins; nothing was sent.
            ToolInputError: The arguments do not fit; nothing was sent.
            ToolFailedError: The tool ran and failed.
            ToolOutputError: The tool ran and broke its promise about the result.
            BreakerOpenError, ThrottledError, ServerCrowdedError: Not now; nothing was sent.
            OutcomeUnknownError: It was sent, perhaps by another worker, and may have run.
            CallUnderWayError, IdempotencyKeyError: Its key is taken; nothing was sent.
            CallError: Any other failure; says whether trying again is safe.
        """
        entry = await self._find(call)
        with self._observer.noting(self._log, call, entry) as noted:
            return await self._answered(call, entry, noted)

    async def start(self, call: CallTool) -> ToolResult | Handle | Question:
        """Call a tool of a registered server, which may go on with it for longer than a call.

        The answer is then the handle of its task, with which any worker can ask (`tasks.ask`), or
        what it wants to know from people: the same call goes on with what they say (`reply`). A
        repeated attempt gets the same task or question, where the ledger knows the call.

        Raises:
            MillwrightError: As `call`.
        """
        entry = await self._find(call)
        with self._observer.noting(self._log, call, entry) as noted:
            # Who was not asked to may still answer with a task: nobody could ask for it.
            wanted = _ANSWER | ({Kind.ACCEPTED} if entry.dialect is Dialect.MCP else set())
            wanted |= {Kind.INPUT_NEEDED} if self.questions.are_taken(call, entry) else set()
            try:
                self.questions.refuse_another(call, entry)
                found = await self._called(call, entry, noted, wanted)
                type_ = found.get("resultType")
                if type_ == "task":
                    return started(call, entry, noted, found)
                if type_ == "input_required":
                    return self.questions.question(call, entry, found)
                return await apart(found, partial(self._read, call, entry, noted, found))
            except CallError as error:
                return await self._instead(call, entry, noted, error)

    async def _answered(self, call: CallTool, entry: Entry, noted: Noted) -> ToolResult:
        try:
            found = await self._called(call, entry, noted, _ANSWER)
            return await apart(found, partial(self._read, call, entry, noted, found))
        except CallError as error:
            return await self._instead(call, entry, noted, error)

    async def _instead(
        self, call: CallTool, entry: Entry, noted: Noted, error: CallError
    ) -> ToolResult:
        return await self._fallbacks.instead(call, entry, noted, error, self._other)

    async def _other(self, call: CallTool) -> tuple[ToolResult, bool]:
        """Call a tool in place of another one; tell whether it has effects.

        Raises:
            MillwrightError: As `call`.
        """
        entry = await self._find(call)
        again = call.comes_again or call.tried_again is not TriedAgain.NEVER
        if not entry.read_only and again:
            # A worker that dies meanwhile would make the next attempt call the first tool again.
            raise FallbackError("it has effects, and the call may be made again.")
        with self._observer.noting(self._log, call, entry) as noted:
            return await self._answered(call, entry, noted), not entry.read_only

    async def _find(self, call: CallTool) -> Entry:
        try:
            return await self._directory.find(call.tenant_id, call.server, call.tool, call.sha256)
        except MillwrightError as error:
            self._observer.metrics.not_found(call.tenant_id, error)
            raise

    def _read(self, call: CallTool, entry: Entry, noted: Noted, found: JsonObject) -> ToolResult:
        result = results.read(found)
        self._log.answered(call.tenant_id, noted, result)
        check_output(entry, result)
        if noted.was_sent:  # what the ledger knows is older
            self._fallbacks.keep(call, entry, result)
        return result

    async def _called(
        self, call: CallTool, entry: Entry, noted: Noted, wanted: frozenset[Kind]
    ) -> JsonObject:
        key = key_of(call)
        arguments = entry.policy.keyed(call.arguments, key)
        await apart(arguments, partial(check_input, entry, arguments))
        message = replace(
            _message(entry, call, arguments, key),
            takes_tasks=Kind.ACCEPTED in wanted,
            takes_questions=Kind.INPUT_NEEDED in wanted,
            ids_after=0 if call.reply is None else call.reply.round * _IDS,
        )
        has_headers = entry.dialect is not Dialect.STDIO
        honoured = entry.policy.is_honoured(arguments, key, has_headers=has_headers)
        # What stands in is known to the ledger, so that no attempt calls the first tool besides.
        repeatable = entry.read_only if call.stands_in else entry.repeatable or honoured
        what = f"the tool '{entry.tool}'"
        attempt = Attempt(entry.to, what, message.timeout_s, repeatable, cap_is_a_number=True)
        once = _once(call, attempt, entry.guarded, entry.tool, arguments)
        noted.ledger_key = None if once is None else once.key

        async def act(admission: Admission, ready: Attempt) -> Sent:
            async def send() -> Sent:
                if call.on_send:
                    call.on_send()
                noted.sent()
                exchange, outcome = await self._exchange(entry.dialect, ready, message)
                outcome = judged(entry, exchange, outcome)
                admission.tell(outcome, exchange)
                return exchange, self.questions.kept(call, entry, exchange, outcome)

            return await self._sent(once, ready, send)

        again = once if call.origin.attempt > 1 or call.idempotency_key is not None else None
        try:
            try:
                exchange, outcome = await self._through(
                    entry.guarded, attempt, message.timeout_s, act, again=again
                )
            except OutcomeUnknownError:
                noted.sent()  # by an attempt before this one
                raise
            outcome = judged(entry, exchange, outcome)  # also what it came to before
            outcome = self.questions.kept(call, entry, exchange, outcome)
            noted.judged(outcome)
            await self.questions.went_on(call, exchange, outcome)
            if exchange.tools_changed:
                await self._hasten(call.tenant_id, entry)
            answer = _wanted(attempt, exchange, outcome, wanted)
        except (CredentialRefusedError, NoTokenError):
            # Perhaps another process has stored a new one: the next call looks it up.
            self._directory.forget(call.tenant_id, call.server)
            raise
        return answer

    async def _through(
        self,
        guarded: Guarded,
        attempt: Attempt,
        timeout_s: float,
        act: Callable[[Admission, Attempt], Awaitable[Sent]],
        *,
        again: Call | None,
    ) -> Sent:
        """Let a call through to its server.

        Args:
            guarded: The server.
            attempt: The call.
            timeout_s: How long it may take.
            act: Sends it.
            again: What the ledger knows it by, when it may have been sent before: one that is
                refused now may have run then, and is not told to be one that did not.
        """
        begun = False
        try:
            async with self._guard.admitted(guarded, timeout_s) as admission:
                ready = await self._logged_in(attempt, admission)
                begun = True
                return await act(admission, ready)
        except CallError:
            if begun or again is None:
                raise
            before = await sent_before(self._ledger, again, attempt)
            if before is None:
                raise
            return before

    async def _logged_in(self, attempt: Attempt, admission: Admission) -> Attempt:
        """Get the token that the call logs in with; without one nothing is sent."""
        try:
            to = await self._logins.ready(attempt.to)
        except LOGIN_FAULTS as error:
            exchange = Exchange(fault=error)
            outcome = classify(exchange, repeatable=attempt.repeatable)
            raise failure(attempt, outcome, exchange) from error
        admission.begin()
        return replace(attempt, to=to)

    async def _hasten(self, tenant_id: str, entry: Entry) -> None:
        try:
            server_id = UUID(entry.guarded.server_id)
            await to_thread.run_sync(self._refreshes.hasten, tenant_id, server_id)
        except UnavailableError as error:
            # The call has its answer; the tools are read again anyhow, only later.
            log.warning("mcp_change_not_noted", server=entry.to.label, why=error.message)

    async def request(self, request: McpRequest) -> JsonObject:
        """Send one request to any server by its address; the answer is the JSON-RPC result.

        Raises:
            RequestFailedError: For every failure; the language knows only one for this form.
        """
        try:
            to = _destination(request)
            with self._observer.requesting(request):
                return await self._requested(request, to)
        except MillwrightError as error:
            raise RequestFailedError.of(error) from error

    async def _requested(self, request: McpRequest, to: Destination) -> JsonObject:
        message = Message(
            method=request.method,
            params=request.params,
            timeout_s=request.timeout_s,
            max_bytes=self._protection.max_response_bytes,
            client=(request.client_name or "millwright", request.client_version or "1"),
            on_progress=progress_without_secrets(request.on_progress, to.mask),
        )
        dialect = Dialect.MCP if to.program is None else Dialect.STDIO
        what, repeatable = f"the request '{request.method}'", request.method != "tools/call"
        attempt = Attempt(to, what, request.timeout_s, repeatable, cap_is_a_number=True)
        tool = str(request.params.get("name", ""))
        guarded = _at_address(request, attempt, self._protection)
        once = _once(request, attempt, guarded, tool, request.params)

        async def act(admission: Admission, ready: Attempt) -> Sent:
            async def send() -> Sent:
                if request.on_send:
                    request.on_send()
                exchange, outcome = await self._exchange(dialect, ready, message)
                admission.tell(outcome, exchange)
                return exchange, outcome

            return await self._sent(once, ready, send)

        again = once if request.attempt > 1 or request.idempotency_key is not None else None
        exchange, outcome = await self._through(
            guarded, attempt, request.timeout_s, act, again=again
        )
        return _wanted(attempt, exchange, outcome, RESULT)

    async def _sent(self, once: Call | None, attempt: Attempt, send: Send) -> Sent:
        if once is None:
            return await send()
        clean = partial(without_secrets, mask=attempt.to.mask)
        return await send_once(self._ledger, once, attempt, send, clean)

    async def _exchange(
        self, dialect: Dialect, attempt: Attempt, message: Message
    ) -> tuple[Exchange, Outcome]:
        # For servers that look at HTTP; the SDK writes the same into `_meta`.
        traced = replace(message, headers={**message.headers, **trace_headers()})
        exchange = await self._wires[dialect].send(attempt.to, traced)
        return exchange, classify(exchange, repeatable=attempt.repeatable)


def _once(
    call: CallTool | McpRequest,
    attempt: Attempt,
    guarded: Guarded,
    tool: str,
    arguments: JsonObject,
) -> Call | None:
    """Return what the ledger is asked about; None when the call may be sent without.

    Raises:
        OutcomeUnknownError: It cannot be asked, and the call may have been sent before.
    """
    if attempt.repeatable:
        return None
    if call.call_id is None:
        if call.maybe_sent:
            raise lost(attempt)
        return None
    return Call(
        tenant_id=call.tenant_id,
        key=_ledger_key(call, call.call_id),
        call_id=call.call_id,
        server=attempt.to.label,
        server_id=guarded.server_id,
        tool=tool,
        arguments=arguments,
        timeout_s=attempt.timeout_s,
    )


def _ledger_key(call: CallTool | McpRequest, call_id: str) -> str:
    if isinstance(call, CallTool) and call.reply is not None:
        return round_key(call.reply)
    return call.idempotency_key or call_id


def check_input(entry: Entry, arguments: JsonObject) -> None:
    """Check the arguments of a call.

    Raises:
        ToolInputError: Names every spot that does not fit.
    """
    if violations := entry.input.violations(arguments, all_counts=True):
        raise ToolInputError(
            f"The arguments do not fit the tool '{entry.tool}' of the MCP server "
            f"'{entry.to.label}': {described(violations)}.",
            details=as_details(violations),
        )


def _wanted(
    attempt: Attempt, exchange: Exchange, outcome: Outcome, wanted: frozenset[Kind]
) -> JsonObject:
    """Return the result, if it is one."""
    if exchange.result is None or outcome.kind not in wanted:
        raise failure(attempt, outcome, exchange)
    return exchange.result


def _message(entry: Entry, call: CallTool, arguments: JsonObject, key: str | None) -> Message:
    params: dict[str, JsonValue] = {"name": entry.tool, "arguments": arguments}
    if key is not None:
        params["_meta"] = {IDEMPOTENCY_META: key}
    if call.reply is not None:
        params |= spelled(call.reply)
    return Message(
        method="tools/call",
        params=params,
        timeout_s=min(call.timeout_s or entry.timeout_s, entry.timeout_s),
        max_bytes=entry.guarded.numbers.max_response_bytes,
        headers={
            **mcp_param_headers(entry.param_headers, arguments),
            **entry.policy.headers(key),
        },
        on_progress=call.on_progress,
    )


def _at_address(request: McpRequest, attempt: Attempt, protection: McpSettings) -> Guarded:
    """Say what is guarded: the server, whatever else a caller has put into its address."""
    if request.command is None:
        parts = urlsplit(request.url)
        address = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}".lower()
    else:
        address = json.dumps([STDIO_SCHEME, request.command, *request.arguments])
    return Guarded(
        tenant_id=request.tenant_id,
        server_id=f"at-{sha256(address.encode()).hexdigest()[:32]}",
        label=attempt.to.label,
        numbers=protection,
        registered=False,
    )


def _destination(request: McpRequest) -> Destination:
    if request.method not in METHODS:
        raise InvalidInputError(
            f"There is no MCP method '{request.method[:100]}' to call. Those there are: "
            f"{', '.join(METHODS)}."
        )
    version = request.protocol_version
    if version is not None and version not in KNOWN_PROTOCOL_VERSIONS:
        raise InvalidInputError(
            f"There is no MCP protocol version '{version[:40]}'. Known: "
            f"{', '.join(KNOWN_PROTOCOL_VERSIONS)}."
        )
    if request.command is not None:
        return _program(request, request.command)
    return Destination(
        tenant_id=request.tenant_id,
        label=check_url(request.url).host,
        endpoint=request.url,
        headers=checked_headers(request.headers),
        oldest=version,
    )


def _program(request: McpRequest, command: str) -> Destination:
    return Destination(
        tenant_id=request.tenant_id,
        label=command,
        endpoint=f"{STDIO_SCHEME}{command}",
        oldest=request.protocol_version,
        program=Program(
            tenant_id=request.tenant_id,
            # No registration has this id: processes of definitions are their own.
            server_id="",
            command=command,
            arguments=request.arguments,
        ),
    )
