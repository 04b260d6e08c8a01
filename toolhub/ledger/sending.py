"""Send a call that must not run twice: with the right of the ledger, or not at all."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from foundation.errors import InvalidInputError
from foundation.json import JsonObject
from toolhub.failures import Attempt, answer_lost, lost, other_call, under_way
from toolhub.ledger.service import Ledger
from toolhub.ledger.types import Call, Claim, Known, Lost, OtherArguments, State, UnderWay
from toolhub.outcome import Executed, Kind, Outcome, classify
from toolhub.wire.exchange import Exchange

Sent: TypeAlias = tuple[Exchange, Outcome]
Send: TypeAlias = Callable[[], Awaitable[Sent]]
Clean: TypeAlias = Callable[[JsonObject], Awaitable[JsonObject]]

_FAILED: Final = frozenset({Kind.TOOL_FAILED, Kind.TOOL_FAULT})


async def send_once(ledger: Ledger, call: Call, attempt: Attempt, send: Send, clean: Clean) -> Sent:
    """Send a call, or return what it came to before.

    Args:
        send: Sends it.
        clean: Takes out of the answer what must not be kept.

    Raises:
        OutcomeUnknownError: It was sent before, and what came of it is not known.
        CallUnderWayError: Another call with its key is under way; tried again.
        IdempotencyKeyError: Its key belongs to another call.
        UnavailableError: The database is away; nothing was sent.
    """
    match await ledger.claim(call):
        case Claim() as claim:
            return await _send(ledger, claim, send, clean)
        case before:
            return _come_to(before, attempt)


async def sent_before(ledger: Ledger, call: Call, attempt: Attempt) -> Sent | None:
    """Return what a call came to that is not sent now; None when it never was.

    Raises:
        MillwrightError: As `send_once`.
    """
    match await ledger.claim(call):
        case Claim() as claim:
            await ledger.release(claim)
            return None
        case before:
            return _come_to(before, attempt)


def _come_to(before: Known | UnderWay | Lost | OtherArguments, attempt: Attempt) -> Sent:
    match before:
        case Known(None):
            raise answer_lost(attempt)
        case Known(answer):
            known = Exchange(result=answer, requested=True)
            return known, classify(known, repeatable=attempt.repeatable)
        case UnderWay(left_s):
            raise under_way(attempt, left_s)
        case Lost():
            raise lost(attempt)
        case OtherArguments():
            raise other_call(attempt)


async def _send(ledger: Ledger, claim: Claim, send: Send, clean: Clean) -> Sent:
    try:
        exchange, outcome = await send()
    except InvalidInputError:
        await ledger.release(claim)  # it could not even be spelled
        raise
    match outcome.executed:
        case Executed.NO:
            await ledger.release(claim)
        case Executed.YES:
            state = State.FAILED if outcome.kind in _FAILED else State.DONE
            answer = None
            try:
                if exchange.result is not None:
                    answer = await clean(exchange.result)
            finally:
                ledger.done(claim, state, answer)  # that it ran is known, whatever happens now
        case Executed.UNKNOWN:
            pass  # as it is written down
    return exchange, outcome
