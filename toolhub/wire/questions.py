"""Questions of tools, on the wire: who has somebody to answer them says so (`elicitation`).

A server of 2026-07-28 answers a call with its question, and is called again with what people said.
"""

from mcp.client import ClientRequestContext
from mcp.types import INVALID_REQUEST, ElicitRequestParams, ElicitResult, ErrorData


async def not_here(
    context: ClientRequestContext,  # noqa: ARG001 - the SDK hands it over by name
    params: ElicitRequestParams,  # noqa: ARG001 - as that
) -> ElicitResult | ErrorData:
    """Refuse what is asked while the call waits: people take longer than a call."""
    message = "Answer the call with 'input_required': nobody is asked while it waits."
    return ErrorData(code=INVALID_REQUEST, message=message)
