"""Blobs in a folder of this machine, or one that all machines share.

A blob appears as a whole or not at all: it is written beside its place, flushed, and renamed.
"""

import asyncio
import os
import shutil
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

    async def identity(self) -> str:
        """Read the id of the store; the first process that asks gives it one."""
        if self._identity is None:
            self._identity = await self._run(self._marked)
        return self._identity

    async def check(self) -> None:
        """Write a file and read the id."""
        await self.identity()
        await self._run(lambda: _write(self._root / PROBE, b""))

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
        if not path.is_file() or path.stat().st_size != len(data):
            _write(path, data)

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
            _write(made, uuid4().hex.encode())
            # The first one stays, also when several processes begin at once.
            with suppress(FileExistsError):
                os.link(made, mark)
            made.unlink()
        return mark.read_text().strip()


def _write(path: Path, data: bytes) -> None:
    """Write a file so that it is on the disk, whole, when this returns."""
    path.parent.mkdir(mode=_OWNER_ONLY, parents=True, exist_ok=True)
    beside = path.with_name(f".{uuid4().hex}")
    try:
        with beside.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _names(folder: Path) -> list[str]:
    return [entry.name for entry in folder.iterdir()] if folder.is_dir() else []


def _delete(folder: Path, keep: Collection[str]) -> int:
    names = _names(folder)
    going = doomed(names, keep)
    if len(going) == len(names):
        shutil.rmtree(folder, ignore_errors=True)
    else:
        for name in going:
            (folder / name).unlink(missing_ok=True)
    return len(going)
