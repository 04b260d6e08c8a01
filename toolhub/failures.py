"""An outcome, put into words: which server, what happened, what to do next."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from mcp.types.version import KNOWN_PROTOCOL_VERSIONS

from foundation.json import JsonObject, JsonValue
from security.response_bodies import ResponseTooLargeError
from toolhub import errors, questions
from toolhub.errors import CallError
from toolhub.logins.challenges import challenge_of
from toolhub.outcome import Executed, Kind, Outcome
from toolhub.wire.exchange import Destination, Exchange

# Of a server's own words; history and logs keep them for ever.
SHOWN_CHARS: Final = 500
_HTTP_ERRORS: Final = 300
# Another call's answer mostly comes much sooner than it may.
_LOOK_AGAIN_S: Final = 2.0


class _Words(NamedTuple):
    error: type[CallError]
    text: str


_WORDS: Final[Mapping[Kind, _Words]] = {
    Kind.NOT_ALLOWED: _Words(
        errors.ServerNotAllowedError,
        "{server} was not called. {reason}",
    ),
    Kind.NO_TOKEN: _Words(
        errors.NoTokenError,
        "There is no token for {server}, so {what} did not run. {reason}",
    ),
    Kind.NO_TOKEN_NOW: _Words(
        errors.AuthorityDownError,
        "There is no token for {server} now, so {what} did not run. {reason}",
    ),
    Kind.NOT_NOW: _Words(
        errors.NotNowError,
        "{server} was not called, so {what} did not run. {reason}",
    ),
    Kind.CROWDED: _Words(
        errors.ServerCrowdedError,
        "{server} was not called: {reason}.",
    ),
    Kind.UNREACHABLE: _Words(
        errors.ServerUnreachableError,
        "{server} cannot be reached, so {what} did not run ({reason}). Check that it runs and that "
        "its address is right.",
    ),
    Kind.UNAUTHORIZED: _Words(
        errors.CredentialRefusedError,
        "{server} does not accept the credential ({reason}). Store one that is good.",
    ),
    Kind.FORBIDDEN: _Words(
        errors.CallForbiddenError,
        "{server} does not let this credential use {what} ({reason}). {scopes}Ask whoever runs the "
        "server for the right, or store another credential.",
    ),
    Kind.BUSY: _Words(
        errors.ServerBusyError,
        "{server} is busy and did not run {what} ({reason}). Try again {later}.",
    ),
    Kind.MOVED: _Words(
        errors.ServerMovedError,
        "{server} redirects to '{location}', which is not followed: a credential goes only where "
        "it was meant to go. Register that address if it is the right one.",
    ),
    Kind.OTHER_VERSION: _Words(
        errors.ServerVersionError,
        "{server} and the call have no version of MCP in common, so {what} did not run ({reason}). "
        "{wanted}",
    ),
    Kind.REFUSED: _Words(
        errors.CallRefusedError,
        "{server} refused {what} ({reason}).{doubt} If its tools have changed, refresh its "
        "registration.",
    ),
    Kind.SERVER_FAILED: _Words(
        errors.ServerFailedError,
        "{server} failed during {what} ({reason}).{doubt}",
    ),
    Kind.BROKEN_OFF: _Words(
        errors.ServerFailedError,
        "{server} broke off the connection during {what} ({reason}).{doubt}",
    ),
    Kind.TIMED_OUT: _Words(
        errors.ToolTimeoutError,
        "{server} did not answer {what} within {timeout_s:g} s.{doubt}",
    ),
    Kind.TOO_LARGE: _Words(
        errors.ResultTooLargeError,
        "{server} answered {what} with more than is read; it was cut off. {cut}",
    ),
    Kind.NOT_MCP: _Words(
        errors.NotMcpError,
        "What answers {what} for {server} does not speak MCP correctly ({reason}).{doubt} Check "
        "the address, and whether a log-in page or a proxy answers in its place.",
    ),
    Kind.TOOL_FAILED: _Words(
        errors.ToolFailedError,
        "{what} of {server} ran and failed: {said}",
    ),
    Kind.TOOL_FAULT: _Words(
        errors.ToolFailedError,
        "{what} of {server} answered with what its 'error_patterns' take for a failure: {said}",
    ),
    Kind.ACCEPTED: _Words(
        errors.OutcomeUnknownError,
        "{server} answered {what} with a task that runs on, and nobody waits for it here: it is "
        "not known what comes of it. Call it from a workflow.",
    ),
    Kind.INPUT_NEEDED: _Words(
        errors.InputNeededError,
        "{what} of {server} asks a question back, which cannot be answered here{asked}. Give it "
        "all it needs in its arguments.",
    ),
}


@dataclass(frozen=True)
class Attempt:
    """What was tried, for messages.

    Attributes:
        what: `the tool 'read_range'`, `the request 'tools/list'`.
        repeatable: Doing it twice does what doing it once does.
        cap_is_a_number: How much of an answer is read is one of the server's numbers.
    """

    to: Destination
    what: str
    timeout_s: float
    repeatable: bool
    cap_is_a_number: bool = False


def failure(attempt: Attempt, outcome: Outcome, exchange: Exchange) -> CallError:
    """Return the error that an outcome, other than an answer, is for the caller."""
    type_, words = _WORDS[outcome.kind]
    unknown = outcome.executed is Executed.UNKNOWN and not attempt.repeatable
    if unknown and type_ is errors.ServerFailedError:
        type_ = errors.OutcomeUnknownError
    message = words.format(
        server=f"the MCP server '{attempt.to.label}'",
        what=attempt.what,
        reason=shown(attempt.to, _reason(exchange)),
        later=f"after {outcome.retry_after_s:g} s" if outcome.retry_after_s else "later",
        location=shown(attempt.to, exchange.location or ""),
        timeout_s=attempt.timeout_s,
        doubt=_doubt(attempt) if unknown else "",
        cut=_cut(attempt, exchange),
        wanted=_wanted(attempt.to),
        asked=asked(attempt.to, exchange.result),
        scopes=_scopes(attempt.to, exchange),
        said=shown(attempt.to, _said(attempt.to, exchange.result)) or "it did not say why.",
    )
    return type_(
        message[0].upper() + message[1:],
        retryable=outcome.retryable,
        retry_after_s=outcome.retry_after_s,
        upstream_status=_status(outcome, exchange),
    )


def _doubt(attempt: Attempt) -> str:
    return (
        f" It is not known whether {attempt.what} ran. It is not marked as read-only or "
        "idempotent, so it was not called again: find out, then decide."
    )


def _cut(attempt: Attempt, exchange: Exchange) -> str:
    if not (attempt.cap_is_a_number and isinstance(exchange.fault, ResponseTooLargeError)):
        return shown(attempt.to, _reason(exchange))
    return (
        f"It takes more than {exchange.fault.limit:,} bytes. Ask for less, or raise "
        "'max_response_bytes' in the 'protection' of the server's registration, or "
        "MILLWRIGHT_MCP_MAX_RESPONSE_BYTES for all servers: at most 16 MiB."
    )


def _scopes(to: Destination, exchange: Exchange) -> str:
    challenge = challenge_of(exchange.www_authenticate)
    if not (challenge.lacks_scope and challenge.scopes):
        return ""
    wanted = f"It wants a token with the scopes: {' '.join(challenge.scopes)[:SHOWN_CHARS]}. "
    person = to.registered.person if to.registered else None
    if person is None or person.scopes is not None:
        return wanted
    return f"{wanted}Somebody can agree to that: millwright mcp login {to.label}. "


def _wanted(to: Destination) -> str:
    known = f"Those known here: {', '.join(KNOWN_PROTOCOL_VERSIONS)}."
    if to.oldest is None:
        return f"{known} If the server has changed, refresh its registration."
    return (
        f"The call asks for {to.oldest} or newer. {known} Write the oldest one that will do as "
        "'protocolVersion'."
    )


def lost(attempt: Attempt) -> errors.OutcomeUnknownError:
    """Return the error for a call whose earlier attempt ended with its worker."""
    return errors.OutcomeUnknownError(
        f"The worker that called {attempt.what} of the MCP server '{attempt.to.label}' went away "
        f"before the answer came.{_doubt(attempt)}"
    )


def answer_lost(attempt: Attempt) -> errors.OutcomeUnknownError:
    """Return the error for a call that did run and whose answer nobody has any more."""
    return errors.OutcomeUnknownError(
        f"{_began(attempt.what)} of the MCP server '{attempt.to.label}' did run, and was not "
        "called again. Its answer was lost with the worker that called it, or was too large to be "
        "kept: look at what it has done."
    )


def under_way(attempt: Attempt, left_s: float) -> errors.CallUnderWayError:
    """Return the error for a call while another one with its key has no answer yet."""
    return errors.CallUnderWayError(
        f"{_began(attempt.what)} of the MCP server '{attempt.to.label}' was not called: another "
        "call with the same idempotency key is under way.",
        retryable=True,
        retry_after_s=min(left_s, _LOOK_AGAIN_S),
    )


def other_call(attempt: Attempt) -> errors.IdempotencyKeyError:
    """Return the error for a key that belongs to another call."""
    return errors.IdempotencyKeyError(
        f"{_began(attempt.what)} of the MCP server '{attempt.to.label}' was not called: its "
        "idempotency key belongs to a call of another tool or with other arguments. Let "
        "'idempotencyKey' name all that makes two calls different."
    )


def _began(text: str) -> str:
    return text[0].upper() + text[1:]


def _is_strange(content_type: str) -> bool:
    return bool(content_type) and "json" not in content_type


def _reason(exchange: Exchange) -> str:
    status = exchange.status or 0
    facts = [
        f"HTTP {status}" if status >= _HTTP_ERRORS else "",
        f"it answers {exchange.content_type}" if _is_strange(exchange.content_type) else "",
        f"error {exchange.rpc_code}: {exchange.rpc_message}" if exchange.rpc_code else "",
        (str(exchange.fault) or type(exchange.fault).__name__) if exchange.fault else "",
    ]
    return "; ".join(fact for fact in facts if fact)


def _said(to: Destination, result: JsonObject | None) -> str:
    """Return the texts of a tool's result, in which it says why it failed."""
    content = (result or {}).get("content")
    blocks: list[JsonValue] = content if isinstance(content, list) else []
    texts = [block.get("text") for block in blocks if isinstance(block, dict)]
    # Before they are joined: our credential may begin in one and end in the next.
    return " ".join(to.mask.cut_text(text) for text in texts if isinstance(text, str))


def asked(to: Destination, found: JsonObject | None) -> str:
    """Return what a tool asks back, for a message."""
    text = shown(to, questions.described(found))
    return f": {text}" if text else ""


def shown(to: Destination, text: str) -> str:
    """Prepare a server's words for a message: one line, bounded, without our credential."""
    line = " ".join(to.mask.cut_text(text).split())
    line = "".join(char if char.isprintable() else "?" for char in line)
    return line if len(line) <= SHOWN_CHARS else line[: SHOWN_CHARS - 1] + "…"


def _status(outcome: Outcome, exchange: Exchange) -> int | None:
    """Return the status that says most: the server's when it was an error, 408 for a time-out."""
    if outcome.kind is Kind.TIMED_OUT:
        return 408
    status = exchange.status or 0
    return status if status >= _HTTP_ERRORS else None
