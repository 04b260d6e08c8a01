"""One connection to Temporal per process, the same way in all of them."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final, TypeVar

from google.protobuf.message import Message
from temporalio.client import Client, Interceptor
from temporalio.service import GrpcCompression, RPCError, RPCStatusCode, ServiceClient
from typing_extensions import override

from foundation.blobs.store import BlobStore
from foundation.errors import UnavailableError
from foundation.payloads import data_converter
from foundation.settings import TemporalSettings
from foundation.telemetry import OFF, Telemetry

T = TypeVar("T", bound=Message)

_LOOPBACK: Final = ("127.", "localhost", "[::1]")
# How the library says that a lazy connection cannot be made.
_NOT_CONNECTED: Final = "Failed client connect"


async def connect(
    settings: TemporalSettings,
    *,
    blobs: BlobStore | None = None,
    lazy: bool = False,
    telemetry: Telemetry = OFF,
) -> Client:
    """Connect to the cluster that the settings name.

    Args:
        blobs: Where large payloads are. Whoever reads or writes values of runs needs it.
        lazy: Connect at the first call; for processes that are of use without Temporal. Until
            that succeeds, calls fail as if the connection had been lost.
        telemetry: Traces go on through it, into runs and their activities.

    Raises:
        UnavailableError: When it does not answer.
    """
    local = settings.address.startswith(_LOOPBACK)
    try:
        client = await Client.connect(
            settings.address,
            namespace=settings.namespace,
            api_key=settings.api_key.get_secret_value() if settings.api_key else None,
            tls=settings.tls or None,
            data_converter=data_converter(blobs),
            interceptors=_tracing(telemetry),
            lazy=lazy,
            # Compressing for the same machine only costs CPU.
            grpc_compression=GrpcCompression.NONE if local else GrpcCompression.GZIP,
        )
    except (RPCError, RuntimeError) as error:
        raise UnavailableError(
            f"Temporal cannot be reached at {settings.address} ({error}). Start it, or set "
            "MILLWRIGHT_TEMPORAL_ADDRESS."
        ) from error
    if not lazy:
        return client
    config = client.config()
    config["service_client"] = _Late(client.service_client)
    return Client(**config)


def _tracing(telemetry: Telemetry) -> list[Interceptor]:
    if not telemetry.on:
        return []
    # It brings the SDK of OpenTelemetry along.
    from foundation.telemetry.runs import RunTracing  # noqa: PLC0415

    return [RunTracing(telemetry.tracer)]


class _Late(ServiceClient):
    """A lazy connection that fails like one that broke, as long as there is none yet.

    The library raises a bare `RuntimeError` then, which nobody who calls Temporal expects.
    """

    def __init__(self, inner: ServiceClient) -> None:
        super().__init__(inner.config)
        self._inner = inner

    @property
    @override
    def worker_service_client(self) -> Any:
        return self._inner.worker_service_client

    @override
    def update_rpc_metadata(self, metadata: Mapping[str, str | bytes]) -> None:
        self._inner.update_rpc_metadata(metadata)

    @override
    def update_api_key(self, api_key: str | None) -> None:
        self._inner.update_api_key(api_key)

    @override
    async def _rpc_call(
        self,
        rpc: str,
        req: Message,
        resp_type: type[T],
        *,
        service: str,
        retry: bool,
        metadata: Mapping[str, str | bytes],
        timeout: timedelta | None,
    ) -> T:
        try:
            return await self._inner._rpc_call(  # noqa: SLF001 - the one thing that connects
                rpc,
                req,
                resp_type,
                service=service,
                retry=retry,
                metadata=metadata,
                timeout=timeout,
            )
        except RuntimeError as error:
            if not str(error).startswith(_NOT_CONNECTED):
                raise
            raise RPCError(str(error), RPCStatusCode.UNAVAILABLE, b"") from error
