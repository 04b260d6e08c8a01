"""A question that outlives its call: days later another worker goes on with what people said."""

from typing import Final

import structlog
from mcp.types.version import MODERN_PROTOCOL_VERSIONS

from foundation.errors import UnavailableError
from foundation.json import JsonObject, JsonValue, digest
from security.sealing import SealBrokenError, Sealer
from toolhub.directory import Entry
from toolhub.elicitation.forms import UnaskableError
from toolhub.elicitation.reading import asked_by
from toolhub.elicitation.types import MAX_ROUNDS, Answer, Question, Reply
from toolhub.errors import InputNeededError
from toolhub.failures import asked
from toolhub.ledger.service import Ledger
from toolhub.ledger.types import State
from toolhub.outcome import Executed, Kind, Outcome
from toolhub.schemas import CallTool, Dialect
from toolhub.wire.exchange import Exchange

_PURPOSE: Final = "mcp-question"
_RAN: Final = frozenset({Kind.ANSWERED, Kind.ACCEPTED, Kind.INPUT_NEEDED})
_FAILED: Final = frozenset({Kind.TOOL_FAILED, Kind.TOOL_FAULT})

log = structlog.get_logger(__name__)


class Questions:
    """Makes questions of answers, and answers of what people said."""

    def __init__(self, sealer: Sealer, ledger: Ledger) -> None:
        self._sealer = sealer
        self._ledger = ledger

    @staticmethod
    def are_taken(call: CallTool, entry: Entry) -> bool:
        """Tell whether the server may ask: older revisions ask while the call waits."""
        modern = entry.to.version in MODERN_PROTOCOL_VERSIONS
        return call.takes_questions and entry.dialect is Dialect.MCP and modern

    def refuse_another(self, call: CallTool, entry: Entry) -> None:
        """Give what people said only to the server that has asked.

        Raises:
            InputNeededError: It is not registered any more.
        """
        if call.reply is not None and call.reply.server_id != entry.guarded.server_id:
            raise InputNeededError(
                f"{_who(entry)} asked a question, and what is registered under its name now is "
                "another server, which gets no answer. Call it again."
            )

    def kept(self, call: CallTool, entry: Entry, exchange: Exchange, outcome: Outcome) -> Outcome:
        """Take a question that can be put to people for a beginning, which is not repeated."""
        if outcome.kind is not Kind.INPUT_NEEDED or not self.are_taken(call, entry):
            return outcome
        try:
            self._read(call, entry, exchange.result or {})
        except InputNeededError:
            return outcome
        return Outcome(Kind.INPUT_NEEDED, Executed.YES)

    def question(self, call: CallTool, entry: Entry, found: JsonObject) -> Question:
        """Return what a tool asks.

        Raises:
            InputNeededError: It cannot be put to people.
        """
        told = self._read(call, entry, found)
        return told.model_copy(update={"state": self._sealed(told, found.get("requestState"))})

    def reply(self, question: Question, answers: dict[str, Answer]) -> Reply:
        """Return what the call goes on with.

        Args:
            answers: By the names that the server gave its questions.

        Raises:
            InputNeededError: What the server wants to have back cannot be read any more.
        """
        return Reply(
            server_id=question.server_id,
            key=question.key,
            round=question.round,
            state=self._opened(question),
            responses={
                id_: answer.model_dump(mode="json", exclude_none=True)
                for id_, answer in answers.items()
            },
        )

    async def went_on(self, call: CallTool, exchange: Exchange, outcome: Outcome) -> None:
        """Write down what a call came to that had asked.

        Whoever calls with its key from now on gets that, and people are not asked once more. After
        an end without a result the next call begins anew.
        """
        reply, result = call.reply, exchange.result
        if reply is None or reply.key is None or call.idempotency_key is None:
            return  # nobody else calls with its key
        if outcome.executed is Executed.YES and outcome.kind in _RAN:
            state = State.DONE
        elif outcome.executed is Executed.YES and outcome.kind in _FAILED:
            state = State.FAILED
        elif outcome.executed is Executed.NO and not outcome.retryable:
            state, result = State.FAILED, None
        else:
            return
        was: JsonObject = {"resultType": "input_required", "requestState": reply.state}
        try:
            await self._ledger.came_to(call.tenant_id, reply.key, was, state, result)
        except UnavailableError as error:
            # This call has its answer. Another one with its key is asked the same again, and gets
            # what this one got.
            log.warning("mcp_answer_not_noted", server=call.server, why=error.message)

    def _read(self, call: CallTool, entry: Entry, found: JsonObject) -> Question:
        round_ = 1 if call.reply is None else call.reply.round + 1
        why = f"it has been answered {MAX_ROUNDS} times"
        try:
            if round_ <= MAX_ROUNDS:
                return Question(
                    tenant_id=call.tenant_id,
                    server=call.server,
                    server_id=entry.guarded.server_id,
                    tool=entry.tool,
                    sha256=entry.sha256,
                    key=key_of(call),
                    round=round_,
                    state=None,
                    asked=asked_by(found, entry.to.mask),
                )
        except UnaskableError as error:
            why = str(error)
        raise InputNeededError(
            f"{_who(entry)} asks a question back that cannot be put to people: {why}"
            f"{asked(entry.to, found)}. Give it all it needs in its arguments."
        )

    def _sealed(self, question: Question, state: JsonValue) -> str | None:
        if not isinstance(state, str):
            return None
        of = question.server_id
        return self._sealer.seal(question.tenant_id, _PURPOSE, of, state.encode())

    def _opened(self, question: Question) -> str | None:
        if question.state is None:
            return None
        of = question.server_id
        try:
            return self._sealer.open(question.tenant_id, _PURPOSE, of, question.state).decode()
        except SealBrokenError:
            raise InputNeededError(
                f"The tool '{question.tool}' of the MCP server '{question.server}' asked a "
                "question, and what belongs to it was sealed with another master key. Call the "
                "tool again."
            ) from None


def key_of(call: CallTool) -> str | None:
    """Return what a server may notice a repetition by; a call that goes on is the same one."""
    if call.reply is not None:
        return call.reply.key
    return call.idempotency_key or call.call_id


def round_key(reply: Reply) -> str:
    """Return what makes two answers to one question the same: who came second gets the first's."""
    return digest([reply.key, reply.server_id, reply.round, reply.state])


def spelled(reply: Reply) -> JsonObject:
    """Return it as parameters of the call; what the server did not send it does not get back."""
    params: JsonObject = {}
    if reply.responses:
        params["inputResponses"] = reply.responses
    if reply.state is not None:
        params["requestState"] = reply.state
    return params


def _who(entry: Entry) -> str:
    return f"The tool '{entry.tool}' of the MCP server '{entry.to.label}'"
