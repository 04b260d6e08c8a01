"""Tools that take long, on the wire: the extension `io.modelcontextprotocol/tasks` (SEP-2663).

A server to whom it is declared may answer `tools/call` with a task, which is asked for by its id.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from mcp.client.extension import ClaimContext, ClientExtension, ResultClaim
from mcp.types import CallToolResult, Request, RequestParams, Result
from typing_extensions import override


class _Created(Result):
    """What the claim is about; the wire reads results as they come."""

    result_type: Literal["task"] = "task"


class _Params(RequestParams):
    task_id: str


class _Get(Request[_Params, Literal["tasks/get"]]):
    method: Literal["tasks/get"] = "tasks/get"
    params: _Params
    name_param = "taskId"


class _Cancel(Request[_Params, Literal["tasks/cancel"]]):
    method: Literal["tasks/cancel"] = "tasks/cancel"
    params: _Params
    name_param = "taskId"


TASK_REQUESTS: Final[Mapping[str, type[Request[Any, Any]]]] = {
    "tasks/get": _Get,
    "tasks/cancel": _Cancel,
}


class _Tasks(ClientExtension):
    identifier = "io.modelcontextprotocol/tasks"

    @override
    def claims(self) -> Sequence[ResultClaim[Any]]:
        return (ResultClaim(result_type="task", model=_Created, resolve=_resolve),)


async def _resolve(_result: _Created, _context: ClaimContext) -> CallToolResult:
    raise AssertionError("The hub sends its requests itself, so the SDK resolves nothing.")


TASKS: Final = _Tasks()
