"""Listings from Temporal's visibility store, by filters that we spell and no caller writes.

The store lags behind by a fraction of a second; an instance itself is never late.
"""

from typing import Final

from temporalio.client import Client, WorkflowExecution

from foundation.errors import InvalidInputError
from workflows.instances.types import Filters, Status
from workflows.interpreter.types import TENANT_ATTRIBUTE, VERSION_ATTRIBUTE
from workflows.runs.names import RunName, of_workflow_id
from workflows.runs.rpc import RPC_TIMEOUT

_EXECUTION_STATUS: Final = {
    Status.RUNNING: "Running",
    Status.COMPLETED: "Completed",
    Status.FAULTED: "Failed",
    Status.CANCELLED: "Canceled",
    Status.TERMINATED: "Terminated",
    Status.TIMED_OUT: "TimedOut",
}


def query(tenant_id: str, filters: Filters) -> str:
    """Spell the visibility query for one tenant's instances.

    Raises:
        InvalidInputError: For a name without its namespace.
    """
    if filters.name is not None and filters.namespace is None:
        raise InvalidInputError(
            f"'{filters.name}' may be in several namespaces: give the namespace too."
        )
    parts = [f"{TENANT_ATTRIBUTE} = {quoted(tenant_id)}"]
    if filters.status is not None:
        parts.append(f"ExecutionStatus = {quoted(_EXECUTION_STATUS[filters.status])}")
    else:
        # Earlier parts of a run that went on under the same id.
        parts.append("ExecutionStatus != 'ContinuedAsNew'")
    if filters.name is not None:
        parts.append(f"WorkflowType = {quoted(f'{filters.namespace}.{filters.name}')}")
    elif filters.namespace is not None:
        parts.append(f"WorkflowType STARTS_WITH {quoted(f'{filters.namespace}.')}")
    if filters.version is not None:
        parts.append(f"{VERSION_ATTRIBUTE} = {quoted(filters.version)}")
    return " AND ".join(parts)


def quoted(text: str) -> str:
    """Spell a string in a visibility query."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


async def page(
    client: Client, tenant_id: str, query: str, size: int, position: bytes
) -> tuple[list[tuple[RunName, WorkflowExecution]], bytes]:
    """Read one page of runs, and the position after it (empty at the end).

    Raises:
        RPCError: When Temporal refuses or cannot be reached.
    """
    found = client.list_workflows(
        query, page_size=size, next_page_token=position or None, rpc_timeout=RPC_TIMEOUT
    )
    await found.fetch_next_page()
    runs = [
        (known[1], execution)
        for execution in found.current_page or ()
        # A run that carries our label under a foreign id cannot be asked for by anybody.
        if (known := of_workflow_id(execution.id)) is not None and known[0] == tenant_id
    ]
    return runs, found.next_page_token or b""
