"""One call and its answers: what is sent, what comes back, what counts as an error."""

import re
from collections.abc import Mapping
from typing import Final, NoReturn

import grpc
from grpc import StatusCode

from activities.grpc.errors import (
    AnswersTooLargeError,
    ArgumentsError,
    GrpcFailedError,
    GrpcUnansweredError,
)
from activities.grpc.messages import Method
from activities.grpc.types import GrpcCall
from activities.http.errors import CallUnansweredError
from activities.logins.types import ReadyLogin, authorization

MAX_ANSWERS: Final = 10_000
# What a person needs of a server's message; the rest would only fill the history.
SHOWN_CHARS: Final = 300
_VISIBLE: Final = re.compile(r"[\x20-\x7e]*")

# What a status means in the language, and in HTTP as `google.rpc.Code` maps it.
_MEANING: Final[Mapping[StatusCode, tuple[str, int]]] = {
    StatusCode.CANCELLED: ("communication", 499),
    StatusCode.UNKNOWN: ("communication", 500),
    StatusCode.INVALID_ARGUMENT: ("validation", 400),
    StatusCode.NOT_FOUND: ("communication", 404),
    StatusCode.ALREADY_EXISTS: ("communication", 409),
    StatusCode.PERMISSION_DENIED: ("authorization", 403),
    StatusCode.UNAUTHENTICATED: ("authentication", 401),
    StatusCode.RESOURCE_EXHAUSTED: ("communication", 429),
    StatusCode.FAILED_PRECONDITION: ("communication", 400),
    StatusCode.ABORTED: ("communication", 409),
    StatusCode.OUT_OF_RANGE: ("validation", 400),
    StatusCode.UNIMPLEMENTED: ("configuration", 501),
    StatusCode.INTERNAL: ("communication", 500),
    StatusCode.DATA_LOSS: ("communication", 500),
}


async def exchange(
    channel: grpc.aio.Channel,
    call: GrpcCall,
    method: Method,
    message: bytes,
    login: ReadyLogin | None,
    *,
    max_bytes: int,
) -> list[bytes]:
    """Send a message and return all answers, in their order.

    Args:
        login: In place of that of the call.
        max_bytes: Of all answers of a stream together.

    Raises:
        ArgumentsError: When the credentials cannot be sent.
        CallUnansweredError: Sent, and no whole answer.
        GrpcFailedError: The server answered with an error.
        AnswersTooLargeError: There are too many answers.
    """
    sent, seconds = metadata(login), call.timeout_s
    unary: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(method.path)
    stream: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = channel.unary_stream(method.path)
    try:
        if not method.streaming:
            return [await unary(message, timeout=seconds, metadata=sent)]
        return await _collected(stream(message, timeout=seconds, metadata=sent), max_bytes)
    except grpc.aio.AioRpcError as error:
        _fail(error, call, method)


def metadata(login: ReadyLogin | None) -> tuple[tuple[str, str], ...]:
    """Return what is sent beside the message.

    Raises:
        ArgumentsError: When the credentials cannot be sent.
    """
    if login is None:
        return ()
    value = authorization(login)
    if not _VISIBLE.fullmatch(value):
        raise ArgumentsError("The credentials must be ASCII without control characters.")
    return (("authorization", value),)


def refuse_repetition(call: GrpcCall, method: Method, *, maybe_sent: bool) -> None:
    """Stop a call whose earlier attempt ended with its worker, if twice is not like once.

    Raises:
        CallUnansweredError: It may have been executed; somebody has to find out.
    """
    if maybe_sent and not method.idempotent:
        raise CallUnansweredError(
            f"{shown(call)}: its worker went away before the answer came. It is not known whether "
            "it was executed, so it was not sent again.",
            retryable=False,
        )


def shown(call: GrpcCall) -> str:
    """Name a call for people."""
    return f"{call.service}/{call.method} at {call.host}:{call.port}"


async def _collected(
    answers: "grpc.aio.UnaryStreamCall[bytes, bytes]", max_bytes: int
) -> list[bytes]:
    found: list[bytes] = []
    size = 0
    async for answer in answers:
        size += len(answer)
        if size > max_bytes or len(found) == MAX_ANSWERS:
            answers.cancel()
            raise AnswersTooLargeError(
                f"The server sends more than {max_bytes:,} bytes or {MAX_ANSWERS:,} messages. The "
                "call was stopped; ask for less."
            )
        found.append(answer)
    return found


def _fail(error: grpc.aio.AioRpcError, call: GrpcCall, method: Method) -> NoReturn:
    code = error.code()
    details = (error.details() or "")[:SHOWN_CHARS].strip()
    if code == StatusCode.DEADLINE_EXCEEDED:
        raise GrpcUnansweredError(
            f"{shown(call)}: no whole answer within {call.timeout_s:g} s.",
            retryable=method.idempotent,
            kind="timeout",
            status=504,
        ) from error
    if code == StatusCode.UNAVAILABLE:
        # The server says so, or the connection broke: either way it may have been executed.
        raise GrpcUnansweredError(
            f"{shown(call)}: the server became unavailable ({details}).",
            retryable=method.idempotent,
            kind="communication",
            status=503,
        ) from error
    kind, status = _MEANING[code]
    raise GrpcFailedError(
        f"{shown(call)} answered {code.name}" + (f": {details}" if details else "."),
        title=f"gRPC {code.name}",
        kind=kind,
        status=status,
    ) from error
