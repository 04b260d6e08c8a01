"""Listings from Temporal's visibility store, by filters that we spell and no caller writes.

The store lags behind by a fraction of a second; an instance itself is never late.
"""

from typing import Final

from temporalio.client import Client, WorkflowExecution

from foundation.errors import InvalidInputError
from workflows.instances.types import Filters, Status
from workflows.interpreter.types import (
    STATUS_ATTRIBUTE,
    TAGS_ATTRIBUTE,
    TENANT_ATTRIBUTE,
    VERSION_ATTRIBUTE,
)
from workflows.runs.names import RunName, of_workflow_id
from workflows.runs.rpc import RPC_TIMEOUT

_SAID: Final = STATUS_ATTRIBUTE
_QUIET: Final = f"({_SAID} IS NULL OR {_SAID} = 'RUNNING')"
_NOT_UNDONE: Final = f"({_SAID} IS NULL OR {_SAID} != 'COMPENSATED')"
_NO_MORE: Final = f"({_SAID} IS NULL OR {_SAID} NOT IN ('COMPENSATED', 'TIMED_OUT'))"
_CONDITION: Final = {
    Status.RUNNING: f"ExecutionStatus = 'Running' AND {_QUIET}",
    Status.WAITING: f"ExecutionStatus = 'Running' AND {_SAID} = 'WAITING'",
    Status.PAUSED: f"ExecutionStatus = 'Running' AND {_SAID} = 'PAUSED'",
    Status.COMPENSATING: f"ExecutionStatus = 'Running' AND {_SAID} = 'COMPENSATING'",
    Status.COMPENSATED: f"ExecutionStatus IN ('Failed', 'Canceled') AND {_SAID} = 'COMPENSATED'",
    Status.COMPLETED: "ExecutionStatus = 'Completed'",
    Status.FAILED: f"ExecutionStatus = 'Failed' AND {_NO_MORE}",
    Status.CANCELLED: f"ExecutionStatus = 'Canceled' AND {_NOT_UNDONE}",
    Status.TERMINATED: "ExecutionStatus = 'Terminated'",
    # Its own timeout is a failure to Temporal, whose timeout an operator may have set.
    Status.TIMED_OUT: (
        f"(ExecutionStatus = 'TimedOut' OR (ExecutionStatus = 'Failed' AND {_SAID} = 'TIMED_OUT'))"
    ),
}


def query(tenant_id: str, filters: Filters) -> str:
    """Spell the visibility query for one tenant's instances.

    Raises:
        InvalidInputError: For a name without its namespace, a status that is not kept, or a tag
            that is none.
    """
    if filters.name is not None and filters.namespace is None:
        raise InvalidInputError(
            f"'{filters.name}' may be in several namespaces: give the namespace too."
        )
    parts = [f"{TENANT_ATTRIBUTE} = {quoted(tenant_id)}"]
    if filters.status is not None:
        parts.append(_condition(filters.status))
    elif filters.active:
        parts.append("ExecutionStatus = 'Running'")
    else:
        # Earlier parts of a run that went on under the same id.
        parts.append("ExecutionStatus != 'ContinuedAsNew'")
    if filters.name is not None:
        parts.append(f"WorkflowType = {quoted(f'{filters.namespace}.{filters.name}')}")
    elif filters.namespace is not None:
        parts.append(f"WorkflowType STARTS_WITH {quoted(f'{filters.namespace}.')}")
    if filters.version is not None:
        parts.append(f"{VERSION_ATTRIBUTE} = {quoted(filters.version)}")
    parts += [f"{TAGS_ATTRIBUTE} = {quoted(_tag(each))}" for each in filters.tags]
    return " AND ".join(parts)


def _tag(text: str) -> str:
    name, sign, value = text.partition("=")
    if not (name and sign and value):
        raise InvalidInputError(
            f"'{text:.100}' is nothing to search for: give name=value, as the definition's "
            "searchAttributes have it, for example order=4711."
        )
    return text


def _condition(status: Status) -> str:
    if status not in _CONDITION:
        raise InvalidInputError(
            "Instances that are PENDING cannot be listed apart from those that are RUNNING: ask "
            "for RUNNING."
        )
    return _CONDITION[status]


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
