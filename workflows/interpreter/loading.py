"""What a run asks the catalogue for: its definition, or which one it is to follow."""

from temporalio import workflow

from activities.definitions.types import Engine, LoadDefinition, LoadedDefinition
from activities.schedules.types import Follow, Followed, Following, TriggerKind
from foundation.json import JsonObject
from workflows.interpreter.calls import LOOKUP_RETRY, Calls
from workflows.interpreter.types import StartInput


async def load(start: StartInput, calls: Calls) -> tuple[JsonObject, str, Engine]:
    """Return the definition, its hash and its engine, from the start or the catalogue."""
    if start.document is not None and start.definition_hash is not None and start.engine:
        return start.document, start.definition_hash, start.engine
    namespace, _, name = workflow.info().workflow_type.partition(".")
    loaded = await calls.execute(
        "load-definition",
        LoadDefinition(
            tenant_id=start.tenant_id,
            namespace=namespace,
            name=name,
            version=start.version,
            hash=start.definition_hash,
        ),
        LoadedDefinition,
        activity_id="load-definition",
        summary="load the definition",
        timeout_s=10,
        heartbeat=False,
        retry=LOOKUP_RETRY,
    )
    return loaded.document, loaded.hash, loaded.engine


async def followed(
    start: StartInput, kind: TriggerKind, finished: int | None, calls: Calls
) -> Followed | None:
    """Ask what the schedule of the definition is.

    Args:
        finished: The number of the one that knew that no more comes.
    """
    namespace, _, name = workflow.info().workflow_type.partition(".")
    following = await calls.execute(
        "schedule-follow",
        Follow(
            tenant_id=start.tenant_id,
            namespace=namespace,
            name=name,
            kind=kind,
            finished=finished,
        ),
        Following,
        activity_id="schedule-follow",
        summary="ask what the schedule is",
        timeout_s=15,
        heartbeat=False,
        retry=LOOKUP_RETRY,
    )
    return following.followed
