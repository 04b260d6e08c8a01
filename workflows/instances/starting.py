"""Starting instances: each once, however often it is asked for with the same key."""

from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from foundation.errors import InvalidInputError
from foundation.json import JsonValue, digest
from security.principal import Principal
from workflows.instances.door import Door
from workflows.instances.inspection import MEMO_REQUEST, MEMO_STARTED_BY, no_such
from workflows.instances.types import Started, Status
from workflows.runs.launch import Published, checked_input, labels, start_input, summary, title
from workflows.runs.names import RunName, checked_key, new_key
from workflows.runs.rpc import RPC_TIMEOUT, translated


class Starting(Door):
    """Starts runs of definitions."""

    async def start(
        self,
        principal: Principal,
        namespace: str,
        name: str,
        *,
        version: str | None = None,
        value: JsonValue = None,
        key: str | None = None,
    ) -> Started:
        """Start a run, or find the one that this key started before.

        Args:
            version: Version of the definition; the newest one when left out.
            value: Input of the workflow.
            key: Makes a repetition safe; a new one is made when left out.

        Raises:
            InvalidInputError: When the key was used for another start, or is no key.
            NotFoundError: When there is no such definition.
            TooLargeError: When the input has more than 4 MB.
            UnavailableError: When Temporal does not answer; try again with the same key.
        """
        run = RunName(namespace, name, checked_key(key) if key is not None else new_key())
        checked_input(value)
        found = await self._definition(principal.tenant_id, namespace, name, version)
        request = digest([namespace, name, version, value])
        if await self._launch(principal, run, found, value, request):
            return Started(
                id=run.instance_id,
                namespace=namespace,
                name=name,
                version=found.version,
                status=Status.RUNNING,
                web_ui=self._inspector.web_ui(run.workflow_id(principal.tenant_id)),
                created=True,
            )
        return await self._repeated(principal.tenant_id, run, request)

    async def _launch(
        self, principal: Principal, run: RunName, found: Published, value: JsonValue, request: str
    ) -> bool:
        """Start the workflow; tell whether it is new."""
        tenant_id = principal.tenant_id
        try:
            with translated(lambda: no_such(run.instance_id)):
                await self._client.start_workflow(
                    run.workflow_type,
                    start_input(tenant_id, found, value),
                    id=run.workflow_id(tenant_id),
                    task_queue=self._settings.task_queue,
                    id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                    # Running or ended, an earlier start is told by one and the same error.
                    id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                    search_attributes=labels(tenant_id, found.version),
                    static_summary=summary(f"{title(found)} {found.version}"),
                    memo={MEMO_REQUEST: request, MEMO_STARTED_BY: principal.subject},
                    rpc_timeout=RPC_TIMEOUT,
                )
        except WorkflowAlreadyStartedError:
            return False
        return True

    async def _repeated(self, tenant_id: str, run: RunName, request: str) -> Started:
        """Answer a repeated start with what the first one started."""
        description = await self._inspector.describe(tenant_id, run)
        if await description.memo_value(MEMO_REQUEST, None) != request:
            raise InvalidInputError(
                f"The idempotency key '{run.key}' started {run.workflow_type} before, with another "
                "input or version. Use a new key for a new start."
            )
        seen = self._inspector.summary(run, description)
        return Started(
            id=seen.id,
            namespace=seen.namespace,
            name=seen.name,
            version=seen.version,
            status=seen.status,
            web_ui=seen.web_ui,
            created=False,
        )
