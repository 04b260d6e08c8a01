"""How a gRPC call can fail, besides not arriving (those errors are shared with HTTP).

UpstreamError
├── GrpcFailedError      the server answered with a status that is not OK
├── CallUnreachedError   nothing was sent: certainly not executed, tried again
└── CallUnansweredError  sent, no (whole) answer: executed or not
    └── GrpcUnansweredError  the same, with a status of gRPC
InvalidInputError
├── ProtoError           the description of the service is none, or does not have the method
└── ArgumentsError       the arguments do not make the method's message
TooLargeError
└── AnswersTooLargeError a stream of answers is longer than we keep
"""

from activities.http.errors import CallUnansweredError
from foundation.errors import InvalidInputError, TooLargeError, UpstreamError


class GrpcFailedError(UpstreamError):
    """The server answered, and not as hoped."""

    code = "grpc-failed"
    retryable = False

    def __init__(self, message: str, *, title: str, kind: str, status: int) -> None:
        super().__init__(message)
        self.title = title
        self.kind = kind
        self.upstream_status = status


class GrpcUnansweredError(CallUnansweredError):
    """The time was over, or the server became unavailable."""

    def __init__(self, message: str, *, retryable: bool, kind: str, status: int) -> None:
        super().__init__(message, retryable=retryable, kind=kind)
        self.upstream_status = status


class ProtoError(InvalidInputError):
    """The `.proto` and the task do not fit together; nothing was sent."""

    kind: str = "configuration"
    code = "proto"
    title = "The service is not described"


class ArgumentsError(InvalidInputError):
    """The arguments cannot be sent; nothing was."""

    code = "grpc-arguments"
    title = "The arguments do not fit the method"


class AnswersTooLargeError(TooLargeError):
    """The server sent more than one result may be. The rest was not read."""

    code = "grpc-answers-too-large"
    title = "The answers are too large"
