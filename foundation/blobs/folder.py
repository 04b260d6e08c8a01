"""Blobs in a folder of this machine, or one that all machines share.

A blob appears as a whole or not at all: it is written beside its place, flushed, and renamed.
"""

import asyncio
import errno
import os
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Final, TypeVar
from uuid import uuid4

from foundation.blobs.keys import Key, day_in, tenant_in
from foundation.blobs.store import MARK, PROBE, BlobDamagedError, BlobMissingError, doomed
from foundation.errors import UnavailableError

T = TypeVar("T")

# One disk; more threads would only wait for it together.
_THREADS: Final = 4
_OWNER_ONLY: Final = 0o700


class FolderStore:
    """A blob store in a folder, which is made when it is not there."""

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="blobs")
        self._identity: str | None = None
        # Folders that this process has put onto the disk, with all above them.
        self._settled: set[Path] = set()

    async def identity(self) -> str:
        """Read the id of the store; the first process that asks gives it one."""
        if self._identity is None:
            self._identity = await self._run(self._marked)
        return self._identity

    async def check(self) -> None:
        """Write a file and read the id."""
        await self.identity()
        await self._run(lambda: self._write(self._root / PROBE, b""))

    async def put(self, key: Key, data: bytes) -> None:
        """Write the blob, unless it is there."""
        await self._run(lambda: self._put(key, data))

    async def get(self, key: Key) -> bytes:
        """Read the blob and compare it with its name."""
        data = await self._run(lambda: self._read(key))
        if data is None:
            raise BlobMissingError(key)
        return data

    async def exists(self, key: Key) -> bool:
        """Look for the file."""
        return await self._run(lambda: self._path(key).is_file())

    async def tenants(self) -> list[str]:
        """List the folders of tenants."""
        return await self._run(lambda: sorted(filter(tenant_in, _names(self._root))))

    async def days(self, tenant_id: str) -> list[date]:
        """List the folders of days."""
        return await self._run(lambda: sorted(filter(None, map(day_in, self._names(tenant_id)))))

    async def delete(self, tenant_id: str, day: date, keep: Collection[str] = ()) -> int:
        """Delete files, and the folder when nothing is left in it."""
        folder = self._root / tenant_id / day.isoformat()
        return await self._run(lambda: _delete(folder, keep))

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except OSError as error:
            raise UnavailableError(
                f"The folder of blobs {self._root} cannot be used ({error}). Make it readable and "
                "writable for this process, or set MILLWRIGHT_BLOBS_FOLDER."
            ) from error

    def _path(self, key: Key) -> Path:
        return self._root / key.tenant_id / key.day / key.digest

    def _put(self, key: Key, data: bytes) -> None:
        path = self._path(key)
        # A damaged one is mended by whoever has the bytes.
        if _has(path, data):
            # Who wrote it may not have come so far.
            self._make(path.parent)
            _settle(path.parent)
        else:
            self._write(path, data)

    def _write(self, path: Path, data: bytes) -> None:
        """Write a file so that it is on the disk, whole, when this returns."""
        self._make(path.parent)
        beside = path.with_name(f".{uuid4().hex}")
        try:
            with beside.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
        _settle(path.parent)

    def _make(self, folder: Path) -> None:
        """Make a folder, and those above it, so that they are on the disk."""
        if folder in self._settled and folder.is_dir():
            return
        above, is_ours = folder.parent, self._root in folder.parents
        if is_ours or not above.is_dir():
            self._make(above)
        is_new = not folder.is_dir()
        folder.mkdir(mode=_OWNER_ONLY, exist_ok=True)
        if is_new or is_ours:  # whoever made it may not have come so far
            _settle(above)
        self._settled.add(folder)

    def _read(self, key: Key) -> bytes | None:
        try:
            data = self._path(key).read_bytes()
        except FileNotFoundError:
            return None
        if not key.fits(data):
            raise BlobDamagedError(key)
        return data

    def _names(self, tenant_id: str) -> list[str]:
        return _names(self._root / tenant_id)

    def _marked(self) -> str:
        mark = self._root / MARK
        if not mark.is_file():
            made = self._root / f".{uuid4().hex}"
            self._write(made, uuid4().hex.encode())
            # The first one stays, also when several processes begin at once.
            with suppress(FileExistsError):
                os.link(made, mark)
            made.unlink()
            _settle(self._root)
        return mark.read_text().strip()


def _has(path: Path, data: bytes) -> bool:
    """Tell whether a file holds these bytes, and not only as many."""
    try:
        return path.stat().st_size == len(data) and path.read_bytes() == data
    except FileNotFoundError:
        return False


def _settle(folder: Path) -> None:
    """Put onto the disk what is in a folder: the names, not the files."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _names(folder: Path) -> list[str]:
    return [entry.name for entry in folder.iterdir()] if folder.is_dir() else []


def _delete(folder: Path, keep: Collection[str]) -> int:
    names = _names(folder)
    going = doomed(names, keep)
    for name in going:
        (folder / name).unlink(missing_ok=True)
    if len(going) == len(names):
        try:
            folder.rmdir()
        except FileNotFoundError:
            pass  # somebody else sweeps too
        except OSError as error:
            if error.errno != errno.ENOTEMPTY:  # something was put meanwhile
                raise
    return len(going)
