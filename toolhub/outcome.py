"""What an exchange means: did the tool run, and may the call be repeated?

For all dialects alike. It asks first what is certain: an answer, then what the HTTP status says,
then what broke. Whatever may have reached the tool counts as `UNKNOWN`, and is repeated only when
repeating does no harm.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum, auto
from http import HTTPStatus
from typing import Final

import httpx2
from mcp.types import (
    HEADER_MISMATCH,
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    PARSE_ERROR,
    UNSUPPORTED_PROTOCOL_VERSION,
    URL_ELICITATION_REQUIRED,
)

from foundation.json import JsonObject, JsonValue
from security.authority.errors import (
    AuthorityAnswerError,
    AuthorityAwayError,
    IssuerError,
    LoginError,
    LoginRefusedError,
)
from security.egress import EgressRefusedError, EgressUnknownError
from security.response_bodies import ResponseTooLargeError
from toolhub.wire.exchange import (
    Exchange,
    ProgramEndedError,
    ProgramNotAllowedError,
    ProgramNotStartedError,
    ProgramsBusyError,
    VersionMismatchError,
)


class Kind(Enum):
    """What came of a call."""

    ANSWERED = auto()
    ACCEPTED = auto()  # it runs on as a task, whose end can be asked for
    TOOL_FAILED = auto()
    INPUT_NEEDED = auto()
    NOT_ALLOWED = auto()
    NO_TOKEN = auto()
    NO_TOKEN_NOW = auto()  # whoever hands them out is away
    NOT_NOW = auto()  # we cannot tell whether it may be sent
    CROWDED = auto()  # there is no place for it here
    UNREACHABLE = auto()
    UNAUTHORIZED = auto()
    FORBIDDEN = auto()
    BUSY = auto()
    MOVED = auto()
    OTHER_VERSION = auto()
    REFUSED = auto()
    TOOL_FAULT = auto()  # the tool said in its text what an operator takes for a failure
    SERVER_FAILED = auto()
    BROKEN_OFF = auto()
    TIMED_OUT = auto()
    TOO_LARGE = auto()
    NOT_MCP = auto()


class Executed(Enum):
    """Whether the tool ran."""

    NO = auto()
    UNKNOWN = auto()
    YES = auto()


@dataclass(frozen=True)
class Outcome:
    """The judgement on one exchange; what a breaker or a ledger will want to know, too.

    Attributes:
        retryable: Calling again cannot do harm and may help.
        retry_after_s: Seconds the server asked for.
    """

    kind: Kind
    executed: Executed
    retryable: bool = False
    retry_after_s: float | None = None


# A server that asks for more patience than this is down for our purposes.
MAX_RETRY_AFTER_S: Final = 60.0
MAX_TASK_ID: Final = 1024
_NO_CONNECTION: Final = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    ProgramNotStartedError,
)
_REFUSED_HERE: Final = (EgressRefusedError, ProgramNotAllowedError)
# There is no token, and waiting does not help.
_NO_TOKEN: Final = (LoginRefusedError, IssuerError, AuthorityAnswerError, LoginError)
LOGIN_FAULTS: Final = (*_NO_TOKEN, AuthorityAwayError, EgressRefusedError, EgressUnknownError)
_NEVER_SENT: Final = (*_REFUSED_HERE, *_NO_CONNECTION, *LOGIN_FAULTS, ProgramsBusyError)
# The first that fits.
_BY_FAULT: Final[tuple[tuple[type[Exception] | tuple[type[Exception], ...], Kind], ...]] = (
    (_REFUSED_HERE, Kind.NOT_ALLOWED),
    (_NO_CONNECTION, Kind.UNREACHABLE),
    (_NO_TOKEN, Kind.NO_TOKEN),
    (AuthorityAwayError, Kind.NO_TOKEN_NOW),
    (EgressUnknownError, Kind.NOT_NOW),
    (ProgramsBusyError, Kind.CROWDED),
    (ResponseTooLargeError, Kind.TOO_LARGE),
    (httpx2.TimeoutException, Kind.TIMED_OUT),
    (VersionMismatchError, Kind.OTHER_VERSION),
    (httpx2.DecodingError, Kind.NOT_MCP),
    ((httpx2.HTTPError, ProgramEndedError), Kind.BROKEN_OFF),
    (Exception, Kind.NOT_MCP),
)
_BY_STATUS: Final[dict[int, Kind]] = {
    HTTPStatus.UNAUTHORIZED: Kind.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN: Kind.FORBIDDEN,
    HTTPStatus.TOO_MANY_REQUESTS: Kind.BUSY,
    HTTPStatus.SERVICE_UNAVAILABLE: Kind.BUSY,
    # The server gave up waiting; whether it had begun is not said.
    HTTPStatus.REQUEST_TIMEOUT: Kind.BROKEN_OFF,
    HTTPStatus.TOO_EARLY: Kind.BROKEN_OFF,
}
_NOT_EXECUTED: Final = frozenset(
    {
        INVALID_REQUEST,
        METHOD_NOT_FOUND,
        INVALID_PARAMS,
        HEADER_MISMATCH,
        MISSING_REQUIRED_CLIENT_CAPABILITY,
        URL_ELICITATION_REQUIRED,
    }
)
# Codes -32000 to -32019 have no meaning of their own; the SDK uses them for streams that ended.
_LEGACY_CODES: Final = range(-32019, -31999)
_MESSAGES: Final = frozenset({"application/json", "text/event-stream", ""})
_WORTH_REPEATING: Final = frozenset({Kind.TIMED_OUT, Kind.BROKEN_OFF, Kind.SERVER_FAILED})


def classify(exchange: Exchange, *, repeatable: bool) -> Outcome:
    """Judge one exchange.

    Args:
        exchange: What happened.
        repeatable: Calling twice does what calling once does.
    """
    kind = _kind(exchange)
    executed = _executed(kind, exchange)
    if kind in {Kind.UNREACHABLE, Kind.BUSY, Kind.NOT_NOW, Kind.CROWDED}:
        wait_s = retry_after(exchange.retry_after) if kind is Kind.BUSY else None
        return Outcome(kind, executed, retryable=True, retry_after_s=wait_s)
    if isinstance(exchange.fault, AuthorityAwayError):
        return Outcome(kind, executed, retryable=True, retry_after_s=exchange.fault.retry_after_s)
    harmless = repeatable or executed is Executed.NO
    return Outcome(kind, executed, retryable=harmless and kind in _WORTH_REPEATING)


def _kind(exchange: Exchange) -> Kind:
    if exchange.result is not None:
        return _kind_of_result(exchange.result)
    if isinstance(exchange.fault, _NEVER_SENT):
        return _kind_of_fault(exchange.fault)
    if exchange.timed_out:
        return Kind.TIMED_OUT
    if exchange.rpc_code == UNSUPPORTED_PROTOCOL_VERSION:
        return Kind.OTHER_VERSION
    if exchange.status is not None and exchange.status >= HTTPStatus.MULTIPLE_CHOICES:
        return _kind_of_status(exchange.status)
    return _kind_of_fault(exchange.fault) if exchange.fault else _kind_of_error(exchange)


def _kind_of_result(result: JsonObject) -> Kind:
    match result.get("resultType", "complete"):
        case "complete":
            return Kind.TOOL_FAILED if result.get("isError") is True else Kind.ANSWERED
        case "input_required":
            return Kind.INPUT_NEEDED
        case "task" if is_task_id(result.get("taskId")):
            return Kind.ACCEPTED
        case _:
            return Kind.NOT_MCP


def is_task_id(value: JsonValue) -> bool:
    """Tell whether it can be an id of a task: it travels in a header, and is kept."""
    return isinstance(value, str) and 0 < len(value) <= MAX_TASK_ID


def _kind_of_status(status: int) -> Kind:
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status < HTTPStatus.BAD_REQUEST:
        return Kind.MOVED
    return Kind.REFUSED if status < HTTPStatus.INTERNAL_SERVER_ERROR else Kind.SERVER_FAILED


def _kind_of_fault(fault: Exception) -> Kind:
    return next(kind for type_, kind in _BY_FAULT if isinstance(fault, type_))


def _kind_of_error(exchange: Exchange) -> Kind:
    code = exchange.rpc_code
    unreadable = exchange.content_type not in _MESSAGES or exchange.status == HTTPStatus.ACCEPTED
    if unreadable or code is None or code == PARSE_ERROR:
        return Kind.NOT_MCP
    if code == INTERNAL_ERROR:
        return Kind.SERVER_FAILED
    return Kind.BROKEN_OFF if code in _LEGACY_CODES else Kind.REFUSED


def _executed(kind: Kind, exchange: Exchange) -> Executed:
    match kind:
        case Kind.ANSWERED | Kind.ACCEPTED | Kind.TOOL_FAILED | Kind.TOO_LARGE:
            return Executed.YES if exchange.requested else Executed.NO
        case Kind.SERVER_FAILED | Kind.BROKEN_OFF | Kind.TIMED_OUT | Kind.NOT_MCP:
            return Executed.UNKNOWN if exchange.requested else Executed.NO
        case Kind.REFUSED:
            by_http = (exchange.status or 0) >= HTTPStatus.BAD_REQUEST
            refused = by_http or exchange.rpc_code in _NOT_EXECUTED
            return Executed.NO if refused else Executed.UNKNOWN
        case _:
            return Executed.NO


def retry_after(header: str | None) -> float | None:
    """Read a Retry-After header: seconds or a date; None when it is neither."""
    if header is None:
        return None
    if header.isascii() and header.isdigit():
        return min(float(header[:9]), MAX_RETRY_AFTER_S)
    try:
        seconds = (parsedate_to_datetime(header) - datetime.now(tz=UTC)).total_seconds()
    except (TypeError, ValueError):
        return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_S)
