"""How a message can fail to be sent or taken, besides what HTTP knows too (`activities.http`).

UpstreamError
├── BrokerRefusedError      the broker said no
└── SubscriptionLostError   the broker forgot what it kept for us
TooLargeError
└── MessageTooLargeError    the broker sent more than we take in
"""

from foundation.errors import TooLargeError, UpstreamError


class BrokerRefusedError(UpstreamError):
    """The broker refused the log-in, the message or the subscription."""

    code = "broker-refused"
    title = "The broker refused"
    retryable = False

    def __init__(self, message: str, *, kind: str = "communication") -> None:
        super().__init__(message)
        self.kind = kind


class SubscriptionLostError(UpstreamError):
    """Messages may have been missed; going on as if nothing had happened would hide it."""

    kind: str = "communication"
    code = "subscription-lost"
    title = "The broker has forgotten the subscription"
    retryable = False


class MessageTooLargeError(TooLargeError):
    """It was not acknowledged: it stays with the broker."""

    code = "message-too-large"
    title = "The message is too large"
