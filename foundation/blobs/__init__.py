"""The blob store: bytes that are too large for Temporal's history, by tenant, day and content."""

from foundation.blobs.keys import Key as Key
from foundation.blobs.store import BlobDamagedError as BlobDamagedError
from foundation.blobs.store import BlobMissingError as BlobMissingError
from foundation.blobs.store import BlobsKeptError as BlobsKeptError
from foundation.blobs.store import BlobStore as BlobStore
from foundation.blobs.wiring import open_store as open_store
