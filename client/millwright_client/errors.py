"""What can go wrong between here and the API.

MillwrightError
├── MillwrightApiError         the API said no; its problem (RFC 9457) is in the attributes
├── MillwrightConnectionError  the API could not be reached, or broke off
├── MillwrightProtocolError    something answered that is not the Millwright API
└── MillwrightTimeoutError     an instance did not end in the time it was waited for
"""

from typing import Any


class MillwrightError(Exception):
    """Base of every error of this client."""


class MillwrightApiError(MillwrightError):
    """The API refused.

    Attributes:
        status: HTTP status.
        code: Stable name of the problem, for example `not-found`.
        title: The same for people.
        detail: One or two sentences: what is wrong, and the next step.
        details: Further members of the problem, for example the findings of a check.
    """

    def __init__(
        self, status: int, code: str, title: str, detail: str, details: dict[str, Any]
    ) -> None:
        super().__init__(f"{title} ({status}): {detail}")
        self.status = status
        self.code = code
        self.title = title
        self.detail = detail
        self.details = details


class MillwrightConnectionError(MillwrightError):
    """No answer. What was safe to repeat has been repeated."""


class MillwrightProtocolError(MillwrightError):
    """An answer that this client cannot read."""


class MillwrightTimeoutError(MillwrightError):
    """Waited long enough. The instance goes on."""
