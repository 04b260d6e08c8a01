"""The blob store that the settings choose."""

from foundation.blobs.folder import FolderStore
from foundation.blobs.store import BlobStore
from foundation.errors import InvalidInputError
from foundation.settings import BlobSettings


def open_store(settings: BlobSettings) -> BlobStore:
    """Build the store of this process. Touches neither disk nor network.

    Raises:
        InvalidInputError: When the settings say too little.
    """
    if settings.store == "folder":
        return FolderStore(settings.folder)
    if not settings.bucket:
        raise InvalidInputError(
            "MILLWRIGHT_BLOBS_STORE is 's3', and MILLWRIGHT_BLOBS_BUCKET is not set. Name a bucket."
        )
    # Half a second of imports that a folder does without.
    from foundation.blobs.s3 import S3Store  # noqa: PLC0415

    return S3Store(settings)
