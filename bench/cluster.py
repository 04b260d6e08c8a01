"""A Temporal server and workers for one measurement, thrown away afterwards."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from temporalio.client import Client

from deploy.local.environment import child_environment
from deploy.local.ports import free_port
from deploy.local.processes import Child, Program
from deploy.local.temporal_server import TemporalOptions, temporal_program, temporal_ready
from foundation.blobs import open_store
from foundation.settings import BlobSettings, Settings, TemporalSettings
from foundation.temporal import connect


@dataclass(frozen=True)
class Cluster:
    """A server that answers, and worker processes by their kind.

    Attributes:
        settings: How to connect.
    """

    settings: Settings
    server: Child
    workers: Mapping[str, Child]


async def client_of(settings: Settings) -> Client:
    """Connect as the product does, with a place for large payloads."""
    return await connect(settings.temporal, blobs=open_store(settings.blobs))


def queue_of(kind: str) -> str:
    """Name the task queue of one kind of worker."""
    return f"bench-{kind}"


@contextmanager
def cluster(kinds: Sequence[str] = ()) -> Iterator[Cluster]:
    """Run a server with its runs in memory, and a worker of each kind (`bench.worker`)."""
    with TemporaryDirectory() as text, ExitStack() as stack:
        folder = Path(text)
        options = TemporalOptions(port=free_port(), log=folder / "temporal.log")
        server = Child(temporal_program(options))
        stack.callback(server.stop)
        temporal_ready(server, options.address)
        settings = Settings(
            _env_file=None,
            temporal=TemporalSettings(address=options.address),
            blobs=BlobSettings(folder=folder / "blobs"),
        )
        workers: dict[str, Child] = {}
        for kind in kinds:
            worker = workers[kind] = _worker(kind, settings, folder)
            stack.callback(worker.stop)
        yield Cluster(settings, server, workers)


def _worker(kind: str, settings: Settings, folder: Path) -> Child:
    return Child(
        Program(
            name=f"worker {kind}",
            command=(sys.executable, "-m", "bench.worker", queue_of(kind), kind),
            log=folder / f"{kind}.log",
            environment=child_environment(os.environ, settings),
        )
    )
