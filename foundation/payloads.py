"""How values become Temporal's payloads: JSON, then a codec, then, when large, a reference.

    value -> pydantic's JSON -> codec (the place for encryption) -> blob store from 64 KiB on

The blob is what the codec made, so it is encrypted as everything else is. History keeps a
reference of some 300 bytes, which names a tenant: it is read only for a workflow whose id begins
with the same tenant. What users send is the content of a payload and never its kind, so JSON that
looks like a reference is JSON.
"""

import dataclasses
from collections.abc import Callable, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Final, Self

from temporalio import activity
from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.converter import (
    ActivitySerializationContext,
    CompositePayloadConverter,
    DataConverter,
    ExternalStorage,
    PayloadCodec,
    SerializationContext,
    StorageDriver,
    StorageDriverClaim,
    StorageDriverRetrieveContext,
    StorageDriverStoreContext,
    WithSerializationContext,
    WorkflowSerializationContext,
)
from temporalio.exceptions import ApplicationError
from typing_extensions import override

from foundation.blobs.keys import Key, tenant_in
from foundation.blobs.store import BlobDamagedError, BlobMissingError, BlobStore
from foundation.errors import InvalidInputError, UnavailableError
from foundation.sizes import INLINE_BYTES

# Written into histories: readers find the store by this name.
DRIVER: Final = "millwright-blobs"
# Tenants whose storage is kept ready; making one again takes microseconds.
_KEPT: Final = 1024


class PayloadLostError(ApplicationError):
    """A payload cannot be read, now or later. A run that needs it fails; a retry would not help."""

    def __init__(self, message: str, code: str) -> None:
        details = {"kind": "runtime", "title": "A large value cannot be read", "status": 500}
        super().__init__(message, details, type=code, non_retryable=True)


class Blobs(StorageDriver):
    """Puts the large payloads of one tenant into the store, and gets them back.

    Attributes:
        tenant_id: Whose workflow this is about; None where nobody said.
    """

    def __init__(self, store: BlobStore, tenant_id: str | None) -> None:
        self._store = store
        self.tenant_id = tenant_id

    @override
    def name(self) -> str:
        return DRIVER

    @override
    def type(self) -> str:
        return DRIVER

    @override
    async def store(
        self, context: StorageDriverStoreContext, payloads: Sequence[Payload]
    ) -> list[StorageDriverClaim]:
        """Put payloads, and return what finds them again.

        Raises:
            UnavailableError: When the store is away; a workflow task is tried again, a request of
                the API is refused.
            ApplicationError: In an activity, which has done its work and must not do it twice.
        """
        try:
            return [await self._put(payload) for payload in payloads]
        except UnavailableError as error:
            if not activity.in_activity():
                raise
            raise ApplicationError(
                f"The call was made, and its answer is too large for the history. {error.message}",
                {
                    "kind": "runtime",
                    "title": "The answer could not be kept",
                    "status": error.status,
                    "attempts": activity.info().attempt,
                },
                type=error.code,
                non_retryable=True,
            ) from error

    @override
    async def retrieve(
        self, context: StorageDriverRetrieveContext, claims: Sequence[StorageDriverClaim]
    ) -> list[Payload]:
        """Get payloads.

        Raises:
            UnavailableError: When the store is away, or is another one than the payloads were put
                into; a workflow task is tried again, perhaps by a worker with the right one.
            PayloadLostError: When that would not help.
        """
        return [await self._get(claim) for claim in claims]

    async def _put(self, payload: Payload) -> StorageDriverClaim:
        if self.tenant_id is None:
            raise InvalidInputError("A large payload belongs to a workflow, and none was named.")
        data = payload.SerializeToString(deterministic=True)
        key = Key.of(self.tenant_id, data)
        await self._store.put(key, data)
        return StorageDriverClaim(
            {
                "tenant": key.tenant_id,
                "day": key.day,
                "sha256": key.digest,
                "store": await self._store.identity(),
            }
        )

    async def _get(self, claim: StorageDriverClaim) -> Payload:
        named = claim.claim_data
        if self.tenant_id is None or named.get("tenant") != self.tenant_id:
            raise PayloadLostError(
                f"A payload of the tenant '{self.tenant_id}' refers to a blob of another one. "
                "Whoever wrote it has access to Temporal itself: look who that was.",
                "blob-refused",
            )
        try:
            key = Key(self.tenant_id, named.get("day", ""), named.get("sha256", ""))
            await self._require_store(named.get("store", ""))
            return Payload.FromString(await self._store.get(key))
        except (BlobMissingError, BlobDamagedError, InvalidInputError) as error:
            raise PayloadLostError(error.message, error.code) from error

    async def _require_store(self, wanted: str) -> None:
        found = await self._store.identity()
        if found != wanted:
            raise UnavailableError(
                f"This process uses the blob store '{found}', and the payload is in '{wanted}'. "
                "Give all processes the same MILLWRIGHT_BLOBS_* settings, and mount the folder "
                "before they start."
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class TenantStorage(ExternalStorage, WithSerializationContext):
    """External storage that knows for which tenant it works, from the id of the workflow.

    Attributes:
        of: Returns the storage for a tenant.
    """

    of: Callable[[str | None], "TenantStorage"]

    @override
    def with_context(self, context: SerializationContext) -> "TenantStorage":
        """Return the storage for the tenant of a workflow or of an activity's workflow."""
        return self.of(_tenant_of(context))


# What it knows of types takes a while to be found out, and is the same for all payloads.
_JSON: Final = PydanticPayloadConverter()


class SharedConverter(CompositePayloadConverter):
    """The SDK makes a new converter for every context, with a store for every payload."""

    def __init__(self) -> None:
        super().__init__(*_JSON.converters.values())


@dataclasses.dataclass(frozen=True)
class TenantConverter(DataConverter):
    """Makes one converter per tenant; the SDK asks for one with every payload, several times."""

    _made: dict[str | None, Self] = dataclasses.field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @override
    def with_context(self, context: SerializationContext) -> Self:
        if isinstance(self.payload_codec, WithSerializationContext):
            # It may want to know more than the tenant.
            return super().with_context(context)
        tenant_id = _tenant_of(context)
        made = self._made.get(tenant_id)
        if made is None:
            if len(self._made) >= _KEPT:
                self._made.clear()
            made = self._made[tenant_id] = super().with_context(context)
        return made


def _storage(store: BlobStore) -> TenantStorage:
    @lru_cache(maxsize=_KEPT)
    def of(tenant_id: str | None) -> TenantStorage:
        driver = Blobs(store, tenant_id)
        return TenantStorage(drivers=[driver], payload_size_threshold=INLINE_BYTES, of=of)

    return of(None)


def _tenant_of(context: SerializationContext) -> str | None:
    if not isinstance(context, (WorkflowSerializationContext, ActivitySerializationContext)):
        return None
    if not context.workflow_id:
        return None
    first = context.workflow_id.partition("/")[0]
    # Ids of workflows that are not ours may have any form.
    return tenant_in(first) or f"other-{sha256(first.encode()).hexdigest()[:40]}"


def converter_of(client: Client, workflow_id: str) -> DataConverter:
    """Return what reads and writes values of one workflow where the SDK does not do it for us."""
    context = WorkflowSerializationContext(namespace=client.namespace, workflow_id=workflow_id)
    return client.data_converter.with_context(context)


def data_converter(
    store: BlobStore | None = None, *, codec: PayloadCodec | None = None
) -> DataConverter:
    """Return how this process spells values for Temporal.

    Args:
        store: Where large payloads go; without one they stay in the history, and references are
            refused.
        codec: Encrypts payloads, wherever they are kept.
    """
    return TenantConverter(
        payload_converter_class=SharedConverter,
        payload_codec=codec,
        external_storage=_storage(store) if store else None,
    )
