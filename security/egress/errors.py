"""Why a request does not leave."""

from foundation.errors import ForbiddenError, UnavailableError


class EgressRefusedError(ForbiddenError):
    """This installation does not send requests there, or not for this tenant."""

    code = "egress-refused"


class EgressUnknownError(UnavailableError):
    """What a tenant may ask cannot be read now, so nothing was sent."""

    code = "egress-unknown"
    title = "It is not known now where requests may go"
