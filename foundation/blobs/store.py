"""What a blob store does, wherever it keeps its bytes."""

from collections.abc import Collection, Iterable
from datetime import date
from typing import Final, Protocol

from foundation.blobs.keys import Key
from foundation.errors import MillwrightError, UnavailableError

# The file that says which store this is; no tenant can be called this, for its underscore.
MARK: Final = "_millwright"
# Proves that this process may write.
PROBE: Final = "_probe"


class BlobMissingError(MillwrightError):
    """A blob is not in the store that it was put into."""

    code = "blob-missing"

    def __init__(self, key: Key) -> None:
        super().__init__(
            f"The blob {key} is gone. Restore it from a backup of the blob store; or check that "
            "nothing but 'millwright blobs sweep' deletes there, and start the instance again."
        )


class BlobDamagedError(MillwrightError):
    """A blob has other bytes than were put."""

    code = "blob-damaged"

    def __init__(self, key: Key) -> None:
        super().__init__(
            f"The blob {key} is damaged: its content has another SHA-256 than its name says. "
            "Restore it from a backup of the blob store, or start the instance again."
        )


class BlobsKeptError(UnavailableError):
    """The store does not let some blobs go; others it does."""

    code = "blobs-kept"


class BlobStore(Protocol):
    """Bytes by name. Whatever cannot be reached raises `UnavailableError`."""

    async def identity(self) -> str:
        """Return the id that the store was given when it was first used.

        Whoever has another store, such as an empty folder, must not take its blobs for lost.
        """
        ...

    async def check(self) -> None:
        """Prove that this process may read and write."""
        ...

    async def put(self, key: Key, data: bytes) -> None:
        """Keep these bytes; once more does no harm. They are safe when this returns."""
        ...

    async def get(self, key: Key) -> bytes:
        """Return the bytes.

        Raises:
            BlobMissingError: When there are none.
            BlobDamagedError: When they are not those that were put.
        """
        ...

    async def exists(self, key: Key) -> bool:
        """Tell whether there is something under this name."""
        ...

    async def tenants(self) -> list[str]:
        """List who has blobs."""
        ...

    async def days(self, tenant_id: str) -> list[date]:
        """List the days on which a tenant's blobs were put, oldest first."""
        ...

    async def delete(self, tenant_id: str, day: date, keep: Collection[str] = ()) -> int:
        """Delete what a tenant put on a day, except these digests; return how many went.

        Raises:
            BlobsKeptError: When something could not be deleted; the rest is gone.
        """
        ...

    def close(self) -> None:
        """Give up threads and connections."""
        ...


def doomed(names: Iterable[str], keep: Collection[str]) -> list[str]:
    """Return the names that do not end in one of the digests."""
    return [name for name in names if name.rpartition("/")[2] not in keep]
