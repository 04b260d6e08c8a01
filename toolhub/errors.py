"""How registering a server and calling a tool can fail, in words for whoever wrote the definition.

    NotFoundError
    ├── UnknownServerError       no such server; names those that there are
    ├── UnknownToolError         no such tool on that server
    └── NoDriftError             nothing about the tool waits to be accepted
    ConflictError
    ├── ServerExistsError        the name is taken
    ├── ServerChangedError       somebody changed it meanwhile
    ├── DriftChangedError        the tool has changed again since it was looked at
    ├── CallUnderWayError        another call with this idempotency key is under way, tried again
    ├── IdempotencyKeyError      the idempotency key belongs to other arguments
    ├── ToolQuarantinedError     the tool has changed, and nobody has accepted that
    └── ToolPinError             the tool is not the one that the definition pins
    InvalidInputError
    ├── RegistrationError        what was sent to the registry does not fit together
    ├── SchemaRefusedError       a schema that cannot be checked safely (foundation.schema_cost)
    ├── ConsentError             what somebody comes back with from agreeing cannot be used
    ├── ToolInputError           the arguments break the tool's input_schema
    └── ServerNotAllowedError    this installation does not send requests there
    ForbiddenError
    └── ProgramsForbiddenError   servers that are programs are for administrators
    TooLargeError
    └── ResultTooLargeError      the tool answered more than we take
    UpstreamError
    ├── ServerUnreachableError   nothing was sent, tried again
    ├── ServerBusyError          turned away (429, 503), tried again
    ├── BreakerOpenError         the server has failed too often lately; nothing was sent
    ├── ThrottledError           more calls than were agreed on; nothing was sent
    ├── ServerCrowdedError       more calls under way here than one server may take; nothing sent
    ├── CredentialRefusedError   401
    ├── NoTokenError             its authorization server gives no token for it; nothing was sent
    ├── AuthorityDownError       ... because it is away: tried again
    ├── NotNowError              it cannot be read now whether the call may be sent
    ├── CallForbiddenError       403
    ├── ToolTimeoutError         no answer in time
    ├── OutcomeUnknownError      broken off; whether the tool ran is not known
    ├── ServerFailedError        5xx or an internal error of the server
    ├── CallRefusedError         the server did not accept the call
    ├── ServerMovedError         a redirect, which is never followed with a credential
    ├── ServerVersionError       it speaks no version of the protocol that will do
    ├── NotMcpError              HTML, or JSON that is not an answer to our request
    ├── ToolUnusableError        the tool's own schema cannot be used
    ├── ToolOutputError          the result breaks the tool's output_schema
    ├── ToolFailedError          the tool ran and says that it failed
    ├── TaskFailedError          it ran as a task, which ended with an error
    ├── TaskCancelledError       it ran as a task, which was cancelled there
    ├── FallbackError            what was to stand in for a tool could not; part of its own error
    └── InputNeededError         the tool asks a question back

`kind` is the error type of the workflow language, `upstream_status` its status, `retryable` whether
trying again is safe, `retry_after_s` when.
"""

from typing import ClassVar

from foundation.errors import (
    ChangedError,
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    MillwrightError,
    NotFoundError,
    TooLargeError,
    UnavailableError,
    UpstreamError,
)
from foundation.json import JsonObject


class UnknownServerError(NotFoundError):
    """This tenant has no MCP server of that name."""

    code = "unknown-mcp-server"
    title: ClassVar[str] = "Unknown MCP server"


class UnknownToolError(NotFoundError):
    """The server has no tool of that name."""

    code = "unknown-mcp-tool"
    title: ClassVar[str] = "Unknown MCP tool"


class ServerExistsError(ConflictError):
    """The name is taken."""

    code = "mcp-server-exists"


class ServerChangedError(ChangedError):
    """The server's registration is not what the caller saw last."""


class RegistrationError(InvalidInputError):
    """The parts of a registration do not fit together."""

    code = "mcp-registration"


class ProgramsForbiddenError(ForbiddenError):
    """Servers that are programs are registered and changed by administrators only."""

    code = "mcp-programs-forbidden"


class ConsentError(InvalidInputError):
    """Somebody was sent off to agree, and what he comes back with cannot be used."""

    code = "mcp-consent"


class ToolInputError(InvalidInputError):
    """The arguments do not fit the tool's input_schema; nothing was sent."""

    code = "tool-input"
    kind: ClassVar[str] = "validation"
    title: ClassVar[str] = "The arguments do not fit the tool"
    upstream_status: ClassVar[int] = 400


class CallError(MillwrightError):
    """What all failures of a call carry, whatever else they are.

    Args:
        retryable: Whether calling again cannot do harm and may help.
        retry_after_s: Seconds the server asked us to wait.
        upstream_status: HTTP status of the server's answer, if it gave one.
    """

    kind: ClassVar[str] = "runtime"
    title: ClassVar[str] = "The MCP call failed"

    def __init__(
        self,
        message: str,
        *,
        retryable: bool = False,
        retry_after_s: float | None = None,
        upstream_status: int | None = None,
        details: JsonObject | None = None,
    ) -> None:
        super().__init__(message, details=details)
        self.retryable = retryable
        self.retry_after_s = retry_after_s
        self.upstream_status = upstream_status
        # Of a tool that was called in place of another one: it has effects, and may have had them.
        self.may_have_run = False

    def add(self, more: str) -> None:
        """Say more."""
        self.message = f"{self.message} {more}"
        self.args = (self.message,)


class ServerNotAllowedError(CallError, InvalidInputError):
    """The server's address is not one this installation sends requests to."""

    code = "mcp-server-not-allowed"
    title = "The MCP server's address is not allowed"


class ResultTooLargeError(CallError, TooLargeError):
    """The tool ran and answered too much."""

    code = "tool-result-too-large"
    title = "The tool's result is too large"


class ServerUnreachableError(CallError, UpstreamError):
    """No connection, so the tool certainly did not run."""

    code = "mcp-server-unreachable"
    kind = "communication"
    title = "The MCP server cannot be reached"


class ServerBusyError(CallError, UpstreamError):
    """The server turned the call away for now."""

    code = "mcp-server-busy"
    title = "The MCP server is busy"


class BreakerOpenError(CallError, UpstreamError):
    """The server has failed too often lately, so it was not asked."""

    code = "mcp-breaker-open"
    kind = "communication"
    title = "The MCP server is given a rest"


class ThrottledError(CallError, UpstreamError):
    """The server has had as many calls as it may get, so it was not asked."""

    code = "mcp-throttled"
    title = "The MCP server gets no more calls now"


class ServerCrowdedError(CallError, UpstreamError):
    """This process has as many calls of the server under way as it may have."""

    code = "mcp-server-crowded"
    title = "Too many calls of the MCP server are under way"


class CredentialRefusedError(CallError, UpstreamError):
    """The server does not accept the stored credential."""

    code = "mcp-credential-refused"
    kind = "authentication"
    title = "The MCP server refuses the credential"


class NoTokenError(CallError, UpstreamError):
    """The authorization server of the server gives no token, so the server was not asked."""

    code = "mcp-no-token"
    kind = "authentication"
    title = "There is no token for the MCP server"


class AuthorityDownError(CallError, UpstreamError):
    """The authorization server of the server is away, so the server was not asked."""

    code = "mcp-authority-away"
    kind = "communication"
    title = "The authorization server of the MCP server is away"


class NotNowError(CallError, UnavailableError):
    """It cannot be read now whether a call may be sent, so it was not."""

    code = "mcp-not-now"
    kind = "communication"
    title = "The call cannot be sent now"


class CallForbiddenError(CallError, UpstreamError):
    """The credential is good and does not give this right."""

    code = "mcp-call-forbidden"
    kind = "authorization"
    title = "The MCP server forbids the call"


class ToolTimeoutError(CallError, UpstreamError):
    """No answer in time."""

    code = "tool-timeout"
    status = 504
    kind = "timeout"
    title = "The tool took too long"


class OutcomeUnknownError(CallError, UpstreamError):
    """The call was broken off and the tool may have run."""

    code = "tool-outcome-unknown"
    title = "It is not known whether the tool ran"


class CallUnderWayError(CallError, ConflictError):
    """Another call with the same idempotency key was sent, and has no answer yet."""

    code = "tool-call-under-way"
    title = "The same call is under way"


class IdempotencyKeyError(CallError, ConflictError):
    """The idempotency key belongs to another call."""

    code = "idempotency-key-used"
    title = "The idempotency key means another call"


class ServerFailedError(CallError, UpstreamError):
    """The server failed with an error of its own."""

    code = "mcp-server-failed"
    title = "The MCP server failed"


class CallRefusedError(CallError, UpstreamError):
    """The server understood the message and did not accept it."""

    code = "mcp-call-refused"
    title = "The MCP server refused the call"


class ServerMovedError(CallError, UpstreamError):
    """The server answers from another address."""

    code = "mcp-server-moved"
    title = "The MCP server is at another address"


class ServerVersionError(CallError, UpstreamError):
    """The server and the call have no version of the protocol in common."""

    code = "mcp-version"
    title = "The MCP server speaks another version"


class NotMcpError(CallError, UpstreamError):
    """What answers at this address does not speak MCP, or not correctly."""

    code = "not-mcp"
    title = "The answer is not MCP"


class ToolUnusableError(CallError, UpstreamError):
    """The tool's own description keeps us from calling it safely."""

    code = "tool-unusable"
    title = "The tool's description cannot be used"


class ToolQuarantinedError(CallError, ConflictError):
    """The server has changed the tool in a way that somebody has to look at; nothing was sent."""

    code = "tool-quarantined"
    title = "The tool has changed and is in quarantine"


class ToolPinError(CallError, ConflictError):
    """The tool is another one than the caller pinned; nothing was sent."""

    code = "tool-pin"
    title = "The tool is not the pinned one"


class NoDriftError(NotFoundError):
    """Nothing about this tool waits for anybody."""

    code = "no-mcp-tool-drift"


class DriftChangedError(ChangedError):
    """What waits is not what the caller has looked at."""


class ToolOutputError(CallError, UpstreamError):
    """The tool ran; its result is not what its output_schema promises."""

    code = "tool-output"
    title = "The tool's result breaks its own schema"


class ToolFailedError(CallError, UpstreamError):
    """The tool ran and reports a failure."""

    code = "tool-failed"
    title = "The tool failed"


class TaskFailedError(CallError, UpstreamError):
    """The tool ran as a task, and the server says that it failed."""

    code = "tool-task-failed"
    title = "The task of the tool failed"


class TaskCancelledError(CallError, UpstreamError):
    """The tool ran as a task, and somebody has cancelled that at the server."""

    code = "tool-task-cancelled"
    title = "The task of the tool was cancelled"


class FallbackError(CallError, UpstreamError):
    """What was to stand in for a tool could not."""

    code = "mcp-fallback"
    title = "The tool's fallback could not stand in"


class InputNeededError(CallError, UpstreamError):
    """The tool wants an answer from a person before it goes on."""

    code = "tool-input-needed"
    title = "The tool asks a question back"


class RequestFailedError(CallError, UpstreamError):
    """A request of the language's own form failed; its error type is always `runtime`."""

    code = "mcp-request"

    @classmethod
    def of(cls, error: MillwrightError) -> "RequestFailedError":
        """Keep what the error says and when to try again, change its type."""
        return cls(
            error.message,
            retryable=error.retryable,
            retry_after_s=getattr(error, "retry_after_s", None),
            upstream_status=getattr(error, "upstream_status", None),
            details=error.details,
        )
