"""How a request of a definition can fail, in the words of the language.

UpstreamError
├── CallFailedError       the server answered with an error, or with something unreadable
├── CallUnreachedError    nothing was sent: certainly not executed, tried again
└── CallUnansweredError   sent, no (whole) answer: executed or not
InvalidInputError
├── RequestError          it cannot be sent as it is
└── OperationError        the OpenAPI document and the task do not fit together
"""

from foundation.errors import InvalidInputError, UpstreamError


class CallFailedError(UpstreamError):
    """The server answered, and not as hoped."""

    kind: str = "communication"
    code = "call-failed"

    def __init__(
        self,
        message: str,
        *,
        title: str,
        status: int | None = None,
        retryable: bool = False,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.title = title
        self.upstream_status = status
        self.retry_after_s = retry_after_s
        self.retryable = retryable


class CallUnreachedError(UpstreamError):
    """No connection: nobody can have executed it."""

    kind: str = "communication"
    code = "call-unreached"
    title = "The server cannot be reached"


class CallUnansweredError(UpstreamError):
    """The connection broke or the time was over while the server may have been working."""

    kind: str = "communication"
    code = "call-unanswered"
    title = "The server did not answer"

    def __init__(self, message: str, *, retryable: bool, kind: str = "communication") -> None:
        super().__init__(message)
        self.retryable = retryable
        self.kind = kind


class RequestError(InvalidInputError):
    """The request cannot be sent as it is; nothing was sent."""

    code = "request"
    title = "The request cannot be sent"


class OperationError(InvalidInputError):
    """The operation, its document or its parameters are wrong."""

    kind: str = "configuration"
    code = "operation"
    title = "The operation cannot be called"
