"""Putting the hub together, once per process."""

from dataclasses import dataclass

from foundation.database import Database
from security.egress import Egress
from security.sealing import Sealer
from toolhub.credentials import Credentials
from toolhub.directory import Directory
from toolhub.hub import ToolHub
from toolhub.registry import Registry
from toolhub.schemas import Dialect
from toolhub.wire.exchange import Wire
from toolhub.wire.seed_http import SeedHttp
from toolhub.wire.streamable_http import StreamableHttp


@dataclass(frozen=True)
class ToolhubParts:
    """The two faces of the hub in one process; a change in one is seen by the other at once."""

    registry: Registry
    hub: ToolHub


def build_toolhub(database: Database, sealer: Sealer, egress: Egress) -> ToolhubParts:
    """Wire registry and hub. `egress` belongs to the caller, who closes it at the end."""
    credentials = Credentials(sealer)
    directory = Directory(database, credentials)
    wires: dict[Dialect, Wire] = {
        Dialect.MCP: StreamableHttp(egress),
        Dialect.SEED_HTTP: SeedHttp(egress),
    }
    return ToolhubParts(
        registry=Registry(database, credentials, directory, wires),
        hub=ToolHub(directory, wires),
    )
