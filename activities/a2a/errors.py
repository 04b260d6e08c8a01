"""How a request to an agent can fail. The language knows one error type for all of it: `runtime`.

A2aError (MillwrightError)
├── CardUnreadError            the agent's card could not be read; nothing was asked
├── CardError                  the card, or what it offers, cannot be used
├── ForeignAgentError          the card names an address that the login is not meant for
├── MessageError               the parameters make no request
├── AgentNotAskedError         the request was stopped on our side: the address is not allowed
├── AgentUnreachedError        no connection: certainly not executed, tried again
├── AgentUnansweredError       sent, no (whole) answer: executed or not
├── AgentFailedError           answered with an HTTP error, or with what is not A2A
└── AgentRefusedError          answered with an error of the protocol: code and message
"""

from typing import ClassVar, Self

from foundation.errors import (
    ForbiddenError,
    InvalidInputError,
    MillwrightError,
    UpstreamError,
)


class A2aError(MillwrightError):
    """What all of them carry, whatever else they are.

    Args:
        retryable: Whether asking again cannot do harm and may help.
        retry_after_s: Seconds the agent asked us to wait.
        upstream_status: HTTP status that says best what happened.
    """

    kind: ClassVar[str] = "runtime"
    title: ClassVar[str] = "The agent cannot be asked"

    def __init__(
        self,
        message: str,
        *,
        retryable: bool = False,
        retry_after_s: float | None = None,
        upstream_status: int | None = None,
    ) -> None:
        super().__init__(message)
        self.retryable = retryable
        self.retry_after_s = retry_after_s
        self.upstream_status = upstream_status

    @classmethod
    def of(cls, error: MillwrightError, before: str = "") -> Self:
        """Keep what an error says and when to try again, change its type."""
        return cls(
            f"{before}{error.message}",
            retryable=error.retryable,
            retry_after_s=getattr(error, "retry_after_s", None),
            upstream_status=getattr(error, "upstream_status", None) or error.status,
        )


class CardUnreadError(A2aError, UpstreamError):
    """The agent's card could not be read."""

    code = "a2a-card-unread"
    title = "The agent's card cannot be read"


class CardError(A2aError, UpstreamError):
    """The card does not describe an agent that can be asked from here."""

    code = "a2a-card"
    title = "The agent's card cannot be used"


class ForeignAgentError(A2aError, ForbiddenError):
    """The card would have the login sent to somebody else."""

    code = "a2a-foreign-agent"
    title = "The agent is elsewhere"


class MessageError(A2aError, InvalidInputError):
    """The parameters make no request; nothing was sent."""

    code = "a2a-message"
    title = "The message cannot be sent"


class AgentNotAskedError(A2aError):
    """The request did not leave, or what came back was stopped at our door."""

    code = "a2a-not-asked"


class AgentUnreachedError(A2aError, UpstreamError):
    """No connection: nobody can have executed it."""

    code = "a2a-unreached"
    title = "The agent cannot be reached"


class AgentUnansweredError(A2aError, UpstreamError):
    """The connection broke or the time was over while the agent may have been working."""

    code = "a2a-unanswered"
    title = "The agent did not answer"


class AgentFailedError(A2aError, UpstreamError):
    """The agent's server failed, or does not speak A2A."""

    code = "a2a-failed"
    title = "The agent failed"


class AgentRefusedError(A2aError, UpstreamError):
    """The agent understood the request and answered with an error."""

    code = "a2a-refused"
    title = "The agent refused the request"
