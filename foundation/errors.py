"""Every error a caller can see.

    MillwrightError
    ├── InvalidInputError      422  mend the input, then try again
    ├── UnauthenticatedError   401  log in (again)
    ├── ForbiddenError         403  ask somebody for the permission
    ├── NotFoundError          404  it does not exist, or is not yours to see
    ├── ConflictError          409  it is there already, or in a state that does not allow this
    │   └── ChangedError       412  it changed since you read it
    ├── TooLargeError          413  send or ask for less
    └── UnavailableError       503  try again later, unchanged
        └── UpstreamError      502  a server we called failed; its name is in the message

A domain raises these and knows neither HTTP nor Temporal. They are translated in two places:
`api.problems` makes problem+json of them, `activities.faults` makes failures that the interpreter
turns into errors of the workflow language.

A message names the thing and the next step: "There is no MCP server called 'exel'. Registered:
excel, jira." It never carries a secret, a stack trace or another tenant's data.
"""

from typing import ClassVar

from foundation.json import JsonObject


class MillwrightError(Exception):
    """Base of every error we raise on purpose.

    Args:
        message: One or two sentences for a person.
        details: What a program may want to know, as JSON (for example the findings of a check).
    """

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    # Not a ClassVar: for a failed call it depends on what the server did before it failed.
    retryable: bool = False

    def __init__(self, message: str, *, details: JsonObject | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details: JsonObject = details or {}


class InvalidInputError(MillwrightError):
    """What was sent cannot be accepted as it is."""

    code = "invalid-input"
    status = 422


class UnauthenticatedError(MillwrightError):
    """Nobody is logged in, or the token is not (or no longer) good."""

    code = "unauthenticated"
    status = 401


class ForbiddenError(MillwrightError):
    """Somebody is logged in and lacks the permission."""

    code = "forbidden"
    status = 403


class NotFoundError(MillwrightError):
    """There is no such thing for this tenant."""

    code = "not-found"
    status = 404


class ConflictError(MillwrightError):
    """The thing exists already, or changed in between."""

    code = "conflict"
    status = 409


class ChangedError(ConflictError):
    """What `If-Match` names is not what there is now."""

    code = "changed-meanwhile"
    status = 412


class TooLargeError(MillwrightError):
    """More bytes, rows or levels than the stated bound."""

    code = "too-large"
    status = 413


class UnavailableError(MillwrightError):
    """Something we need is not reachable now."""

    code = "unavailable"
    status = 503
    retryable = True


class UpstreamError(UnavailableError):
    """A server that we called on somebody's behalf failed."""

    code = "upstream"
    status = 502
