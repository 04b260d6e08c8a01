"""One connection to Temporal per process, the same way in all of them."""

from typing import Final

from temporalio.client import Client
from temporalio.service import GrpcCompression, RPCError

from foundation.blobs.store import BlobStore
from foundation.errors import UnavailableError
from foundation.payloads import data_converter
from foundation.settings import TemporalSettings

_LOOPBACK: Final = ("127.", "localhost", "[::1]")


async def connect(
    settings: TemporalSettings, *, blobs: BlobStore | None = None, lazy: bool = False
) -> Client:
    """Connect to the cluster that the settings name.

    Args:
        blobs: Where large payloads are. Whoever reads or writes values of runs needs it.
        lazy: Connect at the first call; for processes that are of use without Temporal.

    Raises:
        UnavailableError: When it does not answer.
    """
    local = settings.address.startswith(_LOOPBACK)
    try:
        return await Client.connect(
            settings.address,
            namespace=settings.namespace,
            api_key=settings.api_key.get_secret_value() if settings.api_key else None,
            tls=settings.tls or None,
            data_converter=data_converter(blobs),
            lazy=lazy,
            # Compressing for the same machine only costs CPU.
            grpc_compression=GrpcCompression.NONE if local else GrpcCompression.GZIP,
        )
    except (RPCError, RuntimeError) as error:
        raise UnavailableError(
            f"Temporal cannot be reached at {settings.address} ({error}). Start it, or set "
            "MILLWRIGHT_TEMPORAL_ADDRESS."
        ) from error
