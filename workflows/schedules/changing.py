"""Change a schedule on what was seen of it, so that nothing that others do meanwhile is undone."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from secrets import token_hex
from typing import Final, TypeAlias

from temporalio.api.workflowservice.v1 import UpdateScheduleRequest
from temporalio.client import Client, Schedule, ScheduleDescription
from temporalio.service import RPCError, RPCStatusCode

from foundation.errors import ConflictError
from workflows.runs.rpc import RPC_TIMEOUT
from workflows.schedules.translation import memo_of, starts

Revise: TypeAlias = Callable[[ScheduleDescription], Awaitable[Schedule | None]]

# Which changes a schedule has gone through last, newest last; each is a random word.
_MEMO_CHANGES: Final = "changes"
_KEPT: Final = 8
_ROUNDS: Final = 10
# How the servers that do tell say that somebody else was faster.
_OVERTAKEN: Final = frozenset({RPCStatusCode.FAILED_PRECONDITION, RPCStatusCode.ABORTED})


async def change_schedule(client: Client, temporal_id: str, revise: Revise) -> ScheduleDescription:
    """Change a schedule; the change is made again if somebody else was faster.

    `ScheduleHandle.update` of the SDK overwrites whatever has come in between: a pause, or the name
    of somebody who begins a run by hand. The server compares the token of what was seen instead,
    but most servers drop a change that comes too late without a word. So each change leaves a word
    in the schedule, by which it is found to have been made.

    Args:
        temporal_id: Of the schedule.
        revise: Makes the new schedule from what is there, or None to leave that; may be called
            more than once.

    Returns:
        The schedule as it is now.

    Raises:
        ConflictError: When others change it all the time.
        RPCError: When Temporal does not answer, or refuses the schedule.
    """
    handle = client.get_schedule_handle(temporal_id)
    seen = await handle.describe(rpc_timeout=RPC_TIMEOUT)
    for _ in range(_ROUNDS):
        schedule = await revise(seen)
        if schedule is None:
            return seen
        word = token_hex(8)
        known = [*await _changes(client, seen), word][-_KEPT:]
        await _update(client, seen, _with_memo(schedule, known))
        seen = await handle.describe(rpc_timeout=RPC_TIMEOUT)
        if word in await _changes(client, seen):
            return seen
    raise ConflictError(
        "This schedule was changed by others each time that this change was tried. Look at who "
        "changes it, then try again."
    )


async def _update(client: Client, seen: ScheduleDescription, schedule: Schedule) -> None:
    """Let the server replace what was seen, and nothing newer."""
    request = UpdateScheduleRequest(
        namespace=client.namespace,
        schedule_id=seen.id,
        # The SDK has no public way to spell a schedule, nor to send the token.
        schedule=await schedule._to_proto(client),  # noqa: SLF001
        conflict_token=seen.raw_description.conflict_token,
        identity=client.identity,
        request_id=token_hex(16),
    )
    try:
        await client.workflow_service.update_schedule(request, retry=True, timeout=RPC_TIMEOUT)
    except RPCError as error:
        if error.status not in _OVERTAKEN:
            raise


def _with_memo(schedule: Schedule, changes: list[str]) -> Schedule:
    action = starts(schedule)
    memo = {**(action.memo or {}), _MEMO_CHANGES: changes}
    return replace(schedule, action=replace(action, memo=memo))


async def _changes(client: Client, seen: ScheduleDescription) -> list[str]:
    found = (await memo_of(client, seen)).get(_MEMO_CHANGES)
    return [str(each) for each in found] if isinstance(found, list) else []
