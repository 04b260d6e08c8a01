"""What every blob store does; both are held to it."""

import asyncio
import hashlib
import json
import os
from datetime import date
from pathlib import Path
from typing import Any

import boto3
import pytest
from temporalio.client import Client

from deploy.local.ports import LOOPBACK, free_port
from foundation.blobs import BlobDamagedError, BlobMissingError, BlobStore, Key, open_store
from foundation.errors import InvalidInputError, UnavailableError
from foundation.settings import BlobSettings
from workflows.runs.sweeping import sweep

pytestmark = pytest.mark.anyio

DATA = b"\x00\xff" * 100_000


def key(data: bytes = DATA, tenant: str = "acme", day: str = "2026-11-27") -> Key:
    return Key(tenant, day, hashlib.sha256(data).hexdigest())


async def test_what_was_put_can_be_got(store: BlobStore) -> None:
    await store.put(key(), DATA)
    assert await store.get(key()) == DATA
    assert await store.exists(key())


async def test_putting_the_same_bytes_again_does_no_harm(store: BlobStore) -> None:
    await asyncio.gather(*(store.put(key(), DATA) for _ in range(8)))
    assert await store.get(key()) == DATA


async def test_a_blob_of_another_tenant_or_day_is_another_one(store: BlobStore) -> None:
    await store.put(key(), DATA)
    for other in (key(tenant="other"), key(day="2026-11-28")):
        assert not await store.exists(other)
        with pytest.raises(BlobMissingError, match=str(other)):
            await store.get(other)


async def test_damaged_bytes_are_noticed_and_named(
    store: BlobStore, settings: BlobSettings
) -> None:
    await store.put(key(), DATA)
    overwrite(settings, key(), b"other")
    with pytest.raises(BlobDamagedError, match=str(key())):
        await store.get(key())


async def test_putting_mends_what_was_cut_short(store: BlobStore, settings: BlobSettings) -> None:
    await store.put(key(), DATA)
    overwrite(settings, key(), DATA[:7])
    await store.put(key(), DATA)
    assert await store.get(key()) == DATA


async def test_putting_mends_what_was_damaged_and_is_as_long(
    store: BlobStore, settings: BlobSettings
) -> None:
    await store.put(key(), DATA)
    overwrite(settings, key(), DATA[:-1] + b"?")
    await store.put(key(), DATA)
    assert await store.get(key()) == DATA


async def test_folders_are_on_the_disk_before_a_blob_in_them_is_said_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[Path] = []
    fsync = os.fsync

    def watched(file: int) -> None:
        flushed.append(Path(f"/proc/self/fd/{file}").resolve())
        fsync(file)

    monkeypatch.setattr(os, "fsync", watched)
    root = tmp_path / "new" / "blobs"
    for _ in range(2):  # another process may have made the folders, and died before flushing them
        flushed.clear()
        store = open_store(BlobSettings(folder=root))
        await store.put(key(), DATA)
        store.close()
        for folder in (root, root / "acme", root / "acme" / key().day):
            assert folder in flushed
    for other in (tmp_path, tmp_path / "new"):
        assert other not in flushed
    store = open_store(BlobSettings(folder=tmp_path / "newer" / "blobs"))
    await store.put(key(), DATA)
    store.close()
    assert {tmp_path, tmp_path / "newer"} <= set(flushed)


async def test_what_a_folder_does_not_let_go_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(BlobSettings(folder=tmp_path))
    await store.put(key(), DATA)

    def refuse(_self: Path, *, missing_ok: bool = False) -> None:
        raise PermissionError(missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refuse)
        with pytest.raises(UnavailableError, match="MILLWRIGHT_BLOBS_FOLDER"):
            await store.delete("acme", date(2026, 11, 27))
    assert await store.get(key()) == DATA
    store.close()


async def test_what_a_bucket_does_not_let_go_is_said_and_keeps_no_other(
    s3_settings: BlobSettings,
) -> None:
    store = open_store(s3_settings)
    for data in (b"one", b"two"):
        await store.put(key(data), data)
    lock(s3_settings, key(b"one"))
    with pytest.raises(UnavailableError, match=r"did not delete 1 of 2 .*AccessDenied"):
        await store.delete("acme", date(2026, 11, 27))
    assert await store.get(key(b"one")) == b"one"
    assert not await store.exists(key(b"two"))
    store.close()


async def test_a_sweep_deletes_the_rest_of_what_a_bucket_does_not_let_go(
    s3_settings: BlobSettings, temporal: Client
) -> None:
    store = open_store(s3_settings)
    for tenant in ("acme", "other"):
        await store.put(key(tenant=tenant), DATA)
    lock(s3_settings, key())
    locked, other = await sweep(store, temporal, 40, date(2027, 6, 1))
    assert (locked.blobs, other.blobs, other.kept) == (0, 1, None)
    assert "AccessDenied" in (locked.kept or "")
    store.close()


async def test_a_day_is_deleted_except_what_is_to_be_kept(store: BlobStore) -> None:
    kept, gone, later = b"kept", b"gone", key(b"later", day="2026-11-28")
    for data in (kept, gone):
        await store.put(key(data), data)
    await store.put(later, b"later")
    await store.put(key(gone, tenant="other"), gone)
    assert await store.tenants() == ["acme", "other"]
    assert await store.days("acme") == [date(2026, 11, 27), date(2026, 11, 28)]
    assert await store.delete("acme", date(2026, 11, 27), {key(kept).digest}) == 1
    assert await store.get(key(kept)) == kept
    assert not await store.exists(key(gone))
    assert await store.exists(later)
    assert await store.exists(key(gone, tenant="other"))


async def test_a_day_of_which_nothing_is_kept_is_gone(store: BlobStore) -> None:
    await store.put(key(), DATA)
    assert await store.delete("acme", date(2026, 11, 27)) == 1
    assert await store.days("acme") == []


async def test_processes_that_begin_at_once_see_one_store(settings: BlobSettings) -> None:
    stores = [open_store(settings) for _ in range(8)]
    found = await asyncio.gather(*(each.identity() for each in stores))
    await asyncio.gather(*(each.check() for each in stores))
    assert len(set(found)) == 1
    assert found[0]
    assert await stores[0].tenants() == []
    for each in stores:
        each.close()


@pytest.mark.parametrize(
    ("tenant", "day", "digest"),
    [
        ("..", "2026-11-27", "0" * 64),
        ("a/../b", "2026-11-27", "0" * 64),
        ("a..b", "2026-11-27", "0" * 64),
        ("_millwright", "2026-11-27", "0" * 64),
        ("acme", "..", "0" * 64),
        ("acme", "2026-11-27", "../" * 21 + "a"),
        ("acme", "2026-11-27", "0" * 63),
        ("acme\n", "2026-11-27", "0" * 64),
    ],
)
def test_a_name_cannot_lead_anywhere_else(tenant: str, day: str, digest: str) -> None:
    with pytest.raises(InvalidInputError):
        Key(tenant, day, digest)


async def test_a_folder_that_cannot_be_written_is_said_to_be_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    store = open_store(BlobSettings(folder=tmp_path / "file"))
    with pytest.raises(UnavailableError, match="MILLWRIGHT_BLOBS_FOLDER"):
        await store.check()
    store.close()


async def test_a_bucket_that_is_not_there_is_said_to_be_so(s3_settings: BlobSettings) -> None:
    store = open_store(s3_settings.model_copy(update={"bucket": "nobody-made-it"}))
    with pytest.raises(UnavailableError, match="MILLWRIGHT_BLOBS_BUCKET"):
        await store.check()
    store.close()


async def test_a_server_that_is_away_is_said_to_be_so(s3_settings: BlobSettings) -> None:
    gone = f"http://{LOOPBACK}:{free_port()}"
    store = open_store(s3_settings.model_copy(update={"endpoint": gone}))
    with pytest.raises(UnavailableError, match="cannot be used"):
        await store.get(key())
    store.close()


def test_s3_without_a_bucket_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="MILLWRIGHT_BLOBS_BUCKET"):
        open_store(BlobSettings(store="s3"))


def overwrite(settings: BlobSettings, key: Key, data: bytes) -> None:
    """Do what a bad disk or a bad person does."""
    if settings.store == "folder":
        (settings.folder / str(key)).write_bytes(data)
        return
    client_of(settings).put_object(
        Bucket=settings.bucket, Key=f"{settings.prefix}/{key}", Body=data
    )


def lock(settings: BlobSettings, key: Key) -> None:
    """Let nobody delete a blob."""
    denied = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:DeleteObject",
        "Resource": f"arn:aws:s3:::{settings.bucket}/{settings.prefix}/{key}",
    }
    client_of(settings).put_bucket_policy(
        Bucket=settings.bucket,
        Policy=json.dumps({"Version": "2012-10-17", "Statement": [denied]}),
    )


def client_of(settings: BlobSettings) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=settings.endpoint,
        region_name=settings.region,
        aws_access_key_id="key",
        aws_secret_access_key="secret",
    )
