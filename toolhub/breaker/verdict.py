"""What an outcome says about the server that it came from.

Only what shows that a server is ill counts: it cannot be reached, does not answer, breaks off, or
answers with an error of its own, or with what an operator takes for one. That it refuses, or that a
tool fails, shows that it works. Too many calls (429) are ours to mend.
"""

from http import HTTPStatus
from typing import Final

from foundation.settings import McpSettings
from toolhub.breaker.types import Verdict
from toolhub.outcome import Kind, Outcome
from toolhub.wire.exchange import Exchange

_ILL: Final = frozenset(
    {
        Kind.UNREACHABLE,
        Kind.TOOL_FAULT,
        Kind.SERVER_FAILED,
        Kind.BROKEN_OFF,
        Kind.TIMED_OUT,
        Kind.NOT_MCP,
    }
)
_WELL: Final = frozenset({Kind.ANSWERED, Kind.ACCEPTED})
# Nothing was asked of the server, or it answers from somewhere else.
_SAYS_NOTHING: Final = frozenset(
    {
        Kind.NOT_ALLOWED,
        Kind.NO_TOKEN,
        Kind.NO_TOKEN_NOW,
        Kind.NOT_NOW,
        Kind.CROWDED,
        Kind.MOVED,
    }
)


def verdict_of(
    outcome: Outcome, exchange: Exchange, *, seconds: float, numbers: McpSettings
) -> Verdict:
    """Judge a server by one call.

    Args:
        outcome: What came of it.
        exchange: What happened.
        seconds: How long it took.
        numbers: What is slow, and whether a tool's failure is the server's.
    """
    slow = numbers.breaker_slow_s is not None and seconds > numbers.breaker_slow_s
    if _is_ill(outcome, exchange, numbers):
        return Verdict.BAD_AND_SLOW if slow else Verdict.BAD
    if outcome.kind in _SAYS_NOTHING or outcome.kind is Kind.BUSY:
        return Verdict.NOTHING
    if outcome.kind in _WELL:
        return Verdict.SLOW if slow else Verdict.GOOD
    return Verdict.ALIVE


def _is_ill(outcome: Outcome, exchange: Exchange, numbers: McpSettings) -> bool:
    match outcome.kind:
        case Kind.BUSY:
            return exchange.status != HTTPStatus.TOO_MANY_REQUESTS
        case Kind.TOOL_FAILED:
            return numbers.breaker_counts_tool_failures
        case Kind.REFUSED:
            # A server of MCP says in JSON-RPC that it does not know a method.
            return exchange.status == HTTPStatus.NOT_FOUND and exchange.rpc_code is None
        case kind:
            return kind in _ILL
