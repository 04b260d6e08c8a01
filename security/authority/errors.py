"""How logging in can fail. Nothing of the call itself was executed then.

UnauthenticatedError
├── LoginRefusedError       the authority says no, or the server's challenge cannot be answered
└── IssuerError             the authority or its token is somebody else's than it should be
UpstreamError
├── AuthorityAwayError      no connection, no whole answer, or out of order: tried again
└── AuthorityAnswerError    it answers something that is no token
InvalidInputError
└── LoginError              the policy is not complete, or its key cannot be used

None of them repeats what the authority said but for its error code: answers may repeat credentials.
"""

from foundation.errors import InvalidInputError, UnauthenticatedError, UpstreamError


class LoginRefusedError(UnauthenticatedError):
    """The credentials were not accepted."""

    kind: str = "authentication"
    code = "login-refused"
    title = "The login was refused"


class IssuerError(UnauthenticatedError):
    """Credentials meant for one authority must not be handled by another."""

    kind: str = "authentication"
    code = "login-issuer"
    title = "The issuer is not the expected one"


class AuthorityAwayError(UpstreamError):
    """Nobody gave a token; asking again does no harm."""

    kind: str = "communication"
    code = "authority-away"
    title = "The authority cannot be reached"

    def __init__(
        self, message: str, *, kind: str = "communication", retry_after_s: float | None = None
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.retry_after_s = retry_after_s


class AuthorityAnswerError(UpstreamError):
    """What answers is not, or not only, what hands out tokens."""

    kind: str = "communication"
    code = "authority-answer"
    title = "The authority's answer is no token"
    retryable = False


class LoginError(InvalidInputError):
    """The policy cannot be used as it is; nobody was asked."""

    kind: str = "configuration"
    code = "login"
    title = "The authentication policy cannot be used"
