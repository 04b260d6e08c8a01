"""Blobs in S3, or in anything that speaks S3.

One client for the process; boto3 blocks, so it works in threads of its own. boto3 sends a checksum
with every object, which the server compares, and tries again what failed in transit.
"""

import asyncio
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any, Final, TypeVar
from uuid import uuid4

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from foundation.blobs.keys import Key, day_in, tenant_in
from foundation.blobs.store import (
    MARK,
    PROBE,
    BlobDamagedError,
    BlobMissingError,
    BlobsKeptError,
    doomed,
)
from foundation.errors import UnavailableError
from foundation.settings import BlobSettings

T = TypeVar("T")

_THREADS: Final = 16
# As many as one request may name.
_AT_ONCE: Final = 1_000
_ATTEMPTS: Final = 3
_MISSING: Final = frozenset({"404", "NoSuchKey", "NotFound"})
# Somebody else was first.
_THERE: Final = frozenset({"412", "PreconditionFailed", "409", "ConditionalRequestConflict"})


class S3Store:
    """A blob store in a bucket, below a prefix."""

    def __init__(self, settings: BlobSettings) -> None:
        self._bucket = settings.bucket
        self._prefix = f"{settings.prefix.strip('/')}/" if settings.prefix.strip("/") else ""
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="blobs")
        self._identity: str | None = None
        self._client: Any = boto3.client("s3", **_arguments(settings))

    async def identity(self) -> str:
        """Read the id of the store; the first process that asks gives it one."""
        if self._identity is None:
            self._identity = await self._run(self._marked)
        return self._identity

    async def check(self) -> None:
        """Write an object and read the id."""
        await self.identity()
        await self._run(lambda: self._write(PROBE, b""))

    async def put(self, key: Key, data: bytes) -> None:
        """Write the blob."""
        await self._run(lambda: self._write(str(key), data))

    async def get(self, key: Key) -> bytes:
        """Read the blob and compare it with its name."""
        data = await self._run(lambda: self._read(str(key)))
        if data is None:
            raise BlobMissingError(key)
        if not key.fits(data):
            raise BlobDamagedError(key)
        return data

    async def exists(self, key: Key) -> bool:
        """Ask for the head of the object."""
        return await self._run(lambda: self._is_there(str(key)))

    async def tenants(self) -> list[str]:
        """List what there is before the first slash."""
        return await self._run(lambda: sorted(filter(tenant_in, self._folders(""))))

    async def days(self, tenant_id: str) -> list[date]:
        """List what there is before the second slash."""
        found = await self._run(lambda: list(self._folders(f"{tenant_id}/")))
        return sorted(filter(None, map(day_in, found)))

    async def delete(self, tenant_id: str, day: date, keep: Collection[str] = ()) -> int:
        """Delete objects, a thousand with one request; what is refused keeps no other."""
        prefix = f"{self._prefix}{tenant_id}/{day.isoformat()}/"
        return await self._run(lambda: self._delete(prefix, keep))

    def close(self) -> None:
        """End the threads and the connections."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._client.close()

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except (BotoCoreError, ClientError) as error:
            raise UnavailableError(
                f"The blob store s3://{self._bucket}/{self._prefix} cannot be used ({error}). "
                "Check MILLWRIGHT_BLOBS_BUCKET, _ENDPOINT and _REGION, and that the credentials "
                "may list, get, put and delete."
            ) from error

    def _write(self, name: str, data: bytes, **more: str) -> None:
        self._client.put_object(Bucket=self._bucket, Key=self._prefix + name, Body=data, **more)

    def _read(self, name: str) -> bytes | None:
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=self._prefix + name)
        except ClientError as error:
            if _code(error) in _MISSING:
                return None
            raise
        with answer["Body"] as body:
            data: bytes = body.read()
        return data

    def _is_there(self, name: str) -> bool:
        try:
            self._client.head_object(Bucket=self._bucket, Key=self._prefix + name)
        except ClientError as error:
            if _code(error) in _MISSING:
                return False
            raise
        return True

    def _marked(self) -> str:
        found = self._read(MARK)
        if found is None:
            try:
                self._write(MARK, uuid4().hex.encode(), IfNoneMatch="*")
            except ClientError as error:
                if _code(error) not in _THERE:
                    raise
            found = self._read(MARK) or b""
        return found.decode().strip()

    def _folders(self, under: str) -> Iterator[str]:
        prefix = self._prefix + under
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=prefix, Delimiter="/"
        )
        for page in pages:
            for found in page.get("CommonPrefixes", ()):
                yield found["Prefix"][len(prefix) :].rstrip("/")

    def _delete(self, prefix: str, keep: Collection[str]) -> int:
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=prefix, PaginationConfig={"PageSize": _AT_ONCE}
        )
        gone, refused = 0, list[dict[str, str]]()
        for page in pages:
            names = doomed([each["Key"] for each in page.get("Contents", ())], keep)
            errors = self._delete_these(names)
            refused += errors
            gone += len(names) - len(errors)
        if refused:
            first = refused[0]
            raise BlobsKeptError(
                f"The blob store s3://{self._bucket}/{prefix} did not delete {len(refused)} of "
                f"{gone + len(refused)} blobs ({first.get('Key')}: {first.get('Code')} "
                f"{first.get('Message', '')}). Allow it, and sweep again: the rest is deleted then."
            )
        return gone

    def _delete_these(self, names: list[str]) -> list[dict[str, str]]:
        """Delete objects; return those that the store did not want to delete, and why."""
        if not names:
            return []
        answer = self._client.delete_objects(
            Bucket=self._bucket, Delete={"Objects": [{"Key": name} for name in names]}
        )
        return list(answer.get("Errors", ()))


def _arguments(settings: BlobSettings) -> dict[str, Any]:
    """Spell the settings for boto3, which finds what is left out by itself."""
    key, secret = settings.access_key, settings.secret_key
    return {
        "endpoint_url": settings.endpoint,
        "region_name": settings.region,
        "aws_access_key_id": key.get_secret_value() if key else None,
        "aws_secret_access_key": secret.get_secret_value() if secret else None,
        "config": Config(
            connect_timeout=settings.connect_timeout_s,
            read_timeout=settings.timeout_s,
            retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
            max_pool_connections=_THREADS,
        ),
    }


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code"))
