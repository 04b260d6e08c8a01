"""Errors as MCP has them: a caller's mistakes are errors of the protocol, a tool's are results."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Final

import structlog
from mcp.shared.exceptions import MCPError
from mcp.types import INTERNAL_ERROR, INVALID_PARAMS

from foundation.errors import ForbiddenError, MillwrightError, NotFoundError
from foundation.json import JsonObject

_log = structlog.get_logger(__name__)

# What is no answer of a tool: there is no such tool, or it is not for this caller.
PROTOCOL: Final = (NotFoundError, ForbiddenError)
META: Final = "millwright/error"
# What every result says that is no task; older revisions leave it out.
COMPLETE: Final[JsonObject] = {"resultType": "complete"}


@contextmanager
def as_protocol_errors() -> Iterator[None]:
    """Let errors leave as errors of JSON-RPC.

    Raises:
        MCPError: With the message and the code of what a domain raised on purpose; of what nobody
            foresaw with the request id alone.
    """
    try:
        yield
    except MillwrightError as error:
        mine = error.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        code = INTERNAL_ERROR if mine else INVALID_PARAMS
        raise MCPError(code=code, message=error.message, data={"code": error.code}) from error
    except MCPError:
        raise
    except Exception as error:
        # The SDK would tell the client what it says.
        _log.exception("mcp_request_failed")
        request_id = structlog.contextvars.get_contextvars().get("request_id", "unknown")
        message = f"Something went wrong on our side. Report request id {request_id}."
        raise MCPError(code=INTERNAL_ERROR, message=message) from error


def failed(error: MillwrightError) -> JsonObject:
    """Return the result of a call that failed, which a model can read and act on."""
    about: JsonObject = {"code": error.code, "retryable": error.retryable}
    if error.details:
        about["details"] = error.details
    return {
        **COMPLETE,
        "content": [{"type": "text", "text": error.message}],
        "isError": True,
        "_meta": {META: about},
    }
