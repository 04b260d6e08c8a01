"""How a notification can fail, in the words of the language.

InvalidInputError
├── NotificationError       it cannot be sent as it is; nothing was sent
└── MailSetupError          this installation cannot send such a mail; its administrator can help
UnavailableError
└── BeingSentError          somebody is sending the same one, and has not said how it went
    UpstreamError
    └── NotDeliveredError   the other side refused it, was not there, or did not answer
"""

from foundation.errors import InvalidInputError, UnavailableError, UpstreamError


class NotificationError(InvalidInputError):
    """What the definition makes of it cannot be sent."""

    code = "notification"
    title = "The notification cannot be sent"


class MailSetupError(InvalidInputError):
    """Settings of this installation are missing or wrong; the message names them."""

    kind: str = "configuration"
    code = "mail-setup"
    title = "This installation cannot send the mail"


class BeingSentError(UnavailableError):
    """Another worker has the claim."""

    code = "being-sent"
    title = "The same notification is just being sent"


class NotDeliveredError(UpstreamError):
    """Not delivered, or not known to be.

    Args:
        retryable: Sending it again may help. Where nobody knows whether it arrived this is so, too:
            a notification that comes twice does less harm than one that never comes.
    """

    code = "not-delivered"

    def __init__(
        self,
        message: str,
        *,
        title: str = "The notification was not delivered",
        kind: str = "communication",
        status: int | None = None,
        retryable: bool = False,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.title = title
        self.kind = kind
        self.upstream_status = status
        self.retryable = retryable
        self.retry_after_s = retry_after_s
