"""Both stores: a folder, and a server that speaks S3 (moto, in a process of its own)."""

import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import boto3
import pytest
from pydantic import SecretStr

from deploy.local.ports import LOOPBACK, free_port
from deploy.local.processes import Child, Program
from foundation.blobs import BlobStore, open_store
from foundation.settings import BlobSettings


@pytest.fixture(scope="session")
def s3_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    child = Child(
        Program(
            name="s3",
            command=(sys.executable, "-m", "moto.server", "-H", LOOPBACK, "-p", str(port)),
            log=tmp_path_factory.mktemp("s3") / "s3.log",
            environment={},
        )
    )
    try:
        child.wait_ready(lambda: _listens(port), 60)
        yield f"http://{LOOPBACK}:{port}"
    finally:
        child.stop()


def _listens(port: int) -> bool:
    try:
        socket.create_connection((LOOPBACK, port), 1).close()
    except OSError:
        return False
    return True


@pytest.fixture
def s3_settings(s3_endpoint: str) -> BlobSettings:
    """A bucket of its own, which is there as an administrator would have made it."""
    settings = BlobSettings(
        store="s3",
        bucket=f"blobs-{uuid4().hex[:12]}",
        prefix="plant/one",
        endpoint=s3_endpoint,
        region="us-east-1",
        access_key=SecretStr("key"),
        secret_key=SecretStr("secret"),
    )
    boto3.client(
        "s3",
        endpoint_url=s3_endpoint,
        region_name="us-east-1",
        aws_access_key_id="key",
        aws_secret_access_key="secret",
    ).create_bucket(Bucket=settings.bucket)
    return settings


@pytest.fixture
def folder(tmp_path: Path) -> BlobSettings:
    return BlobSettings(folder=tmp_path / "blobs")


@pytest.fixture(params=["folder", "s3"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> BlobSettings:
    if request.param == "folder":
        return BlobSettings(folder=tmp_path / "blobs")
    chosen: BlobSettings = request.getfixturevalue("s3_settings")
    return chosen


@pytest.fixture
def store(settings: BlobSettings) -> Iterator[BlobStore]:
    store = open_store(settings)
    yield store
    store.close()
