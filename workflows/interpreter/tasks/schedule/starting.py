"""How a schedule begins an instance: as a run of its own that outlives what began it."""

import uuid
from dataclasses import dataclass
from typing import Any, Final

from temporalio import workflow
from temporalio.common import (
    RawValue,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDReusePolicy,
)
from temporalio.workflow import ChildWorkflowHandle, ParentClosePolicy

from activities.schedules.types import TriggerKind
from foundation.json import JsonValue
from workflows.definition import Definition
from workflows.interpreter.attributes import TENANT, VERSION
from workflows.interpreter.calls import payload_size, shortened
from workflows.interpreter.handout import wire_size
from workflows.interpreter.run import Frame
from workflows.interpreter.types import GONE_ON_BY, StartInput

# Made once for this purpose: what has begun an instance begins it once, however often it is tried.
INSTANCE_IDS: Final = uuid.UUID("5a1f8d0c-93f1-5f7e-8b57-6c9d6d2f4e11")


@dataclass(frozen=True, slots=True)
class Starting:
    """Which definition is started, in which version, and who wants that."""

    namespace: str
    name: str
    version: str
    kind: TriggerKind
    wanted_by: str | None

    async def begin(
        self, frame: Frame, cause: str, value: JsonValue, generation: int = 0
    ) -> ChildWorkflowHandle[Any, Any]:
        """Begin an instance; return as soon as it has begun.

        Args:
            cause: What it is begun for; unique among all causes of this schedule.
            generation: How many instances have led to it.

        Raises:
            WorkflowAlreadyStartedError: When it was begun for this cause before.
            Fault: When its input is too large.
        """
        tenant_id = frame.run.tenant_id
        start = StartInput(
            tenant_id=tenant_id, version=self.version, input=value, generation=generation
        )
        size, calls = payload_size(start), frame.run.calls
        key = uuid.uuid5(INSTANCE_IDS, f"{workflow.info().workflow_id} {cause}").hex
        kind = f"{self.namespace}.{self.name}"
        await calls.charge(size)
        async with calls.window.one_more(size):
            mark = await calls.handout.admit(wire_size(size))
            instance = await workflow.start_child_workflow(
                kind,
                start,
                # Nobody looks at it here.
                result_type=RawValue,
                # A caller's key has no colon, so the two never meet.
                id=f"{tenant_id}/{self.namespace}/{self.name}/schedule:{self.kind}-{key}",
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                parent_close_policy=ParentClosePolicy.ABANDON,
                search_attributes=TypedSearchAttributes(
                    [
                        SearchAttributePair(TENANT, tenant_id),
                        SearchAttributePair(VERSION, self.version),
                    ]
                ),
                memo={
                    "started_by": f"schedule/{self.kind}",
                    GONE_ON_BY: [self.wanted_by] if self.wanted_by else [],
                },
                static_summary=shortened(f"{kind} {self.version} (schedule.{self.kind})"),
            )
            calls.handout.arrived(mark)
        return instance


def starting_of(definition: Definition, kind: TriggerKind, wanted_by: str | None) -> Starting:
    """Return how a definition is started."""
    head = definition.document
    return Starting(head.namespace, head.name, head.version, kind, wanted_by)
