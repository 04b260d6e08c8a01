"""Putting the hub together, once per process."""

from dataclasses import dataclass

from foundation.database import Database
from foundation.redis import RedisLink
from foundation.settings import Settings
from foundation.telemetry import Telemetry
from security.egress import Egress
from security.sealing import Sealer
from toolhub.breaker.local import LocalBreaker
from toolhub.breaker.shared import SharedBreaker
from toolhub.breakers import Breakers
from toolhub.bulkhead import Bulkhead
from toolhub.calls.log import CallLog
from toolhub.calls.service import Calls
from toolhub.consents.repository import Consents
from toolhub.consents.service import Consenting
from toolhub.consents.tokens import ConsentTokens
from toolhub.credentials import Credentials
from toolhub.directory import Directory
from toolhub.elicitation.questions import Questions
from toolhub.fallbacks.giving import Fallbacks
from toolhub.fallbacks.last_good import LastGood
from toolhub.guard import Guard
from toolhub.health.service import Health
from toolhub.hub import ToolHub
from toolhub.importing.service import Imports
from toolhub.ledger.service import Ledger
from toolhub.logins.asking import Asking
from toolhub.logins.finding import Finding
from toolhub.logins.service import Logins
from toolhub.logins.wire import LoggedIn
from toolhub.metrics import Metrics
from toolhub.observing import Observer
from toolhub.pinning.service import Drifts
from toolhub.policies.service import Policies
from toolhub.refreshing.plan import Refreshes
from toolhub.registry import Registry
from toolhub.schemas import Dialect
from toolhub.wire.exchange import Wire
from toolhub.wire.seed_http import SeedHttp
from toolhub.wire.stdio.adapter import Stdio
from toolhub.wire.streamable_http import StreamableHttp


@dataclass(frozen=True)
class ToolhubParts:
    """The faces of the hub in one process; a change in one is seen by the others at once."""

    registry: Registry
    drifts: Drifts
    policies: Policies
    hub: ToolHub
    breakers: Breakers
    calls: Calls
    ledger: Ledger
    log: CallLog
    refreshes: Refreshes
    health: Health
    last_good: LastGood
    programs: Stdio
    imports: Imports
    logins: Logins
    consenting: Consenting

    async def aclose(self) -> None:
        """End programs, and write what ledger and log still have to, while there is a database."""
        await self.programs.aclose()
        await self.logins.aclose()
        await self.ledger.drain()
        await self.last_good.drain()
        await self.log.aclose()


def build_toolhub(
    database: Database,
    sealer: Sealer,
    egress: Egress,
    settings: Settings,
    *,
    redis: RedisLink | None,
    telemetry: Telemetry,
) -> ToolhubParts:
    """Wire the hub. `egress` and `redis` belong to the caller, who closes them after the hub.

    Args:
        database: Where servers are registered.
        sealer: Opens their credentials.
        egress: The way to them.
        settings: All of them: what is left out here would be missed by nobody.
        redis: What replicas share; without it each process counts alone.
        telemetry: Where spans and metrics of calls go.

    Raises:
        InvalidInputError: `MILLWRIGHT_STDIO_COMMANDS` is not right.
    """
    protection = settings.mcp
    credentials = Credentials(sealer)
    directory = Directory(database, credentials, protection=protection)
    metrics = Metrics(telemetry)
    local, ledger = LocalBreaker(), Ledger(database, sealer, metrics)
    breaker = local if redis is None else SharedBreaker(redis, local)
    programs = Stdio(settings.stdio, egress.max_response_bytes)
    asking, consents = Asking(egress), Consents(database, sealer)
    logins = Logins(asking, ConsentTokens(consents, asking), directory)
    bare: dict[Dialect, Wire] = {
        Dialect.MCP: StreamableHttp(egress),
        Dialect.SEED_HTTP: SeedHttp(egress),
    }
    wires: dict[Dialect, Wire] = {
        **{dialect: LoggedIn(wire, logins) for dialect, wire in bare.items()},
        Dialect.STDIO: programs,
    }
    refreshes = Refreshes(database, settings.toolhub)
    last_good = LastGood(database, sealer)
    log = CallLog(database, sealer.derive("mcp-call-hashes"))
    registry = Registry(
        database,
        credentials,
        directory,
        wires,
        refreshes,
        finding=Finding(egress, credentials, bare),
        metrics=metrics,
        programs=programs.commands,
    )
    return ToolhubParts(
        registry=registry,
        imports=Imports(registry, programs.commands),
        hub=ToolHub(
            directory,
            wires,
            Guard(breaker, Bulkhead(), metrics),
            ledger=ledger,
            log=log,
            observer=Observer(metrics, telemetry),
            refreshes=refreshes,
            fallbacks=Fallbacks(last_good, ledger, metrics),
            protection=protection,
            logins=logins,
            questions=Questions(sealer, ledger),
        ),
        logins=logins,
        consenting=Consenting(
            database, credentials, egress, bare, consents=consents, asking=asking
        ),
        last_good=last_good,
        ledger=ledger,
        breakers=Breakers(database, directory, breaker, protection),
        drifts=Drifts(database, directory),
        policies=Policies(database, directory),
        calls=Calls(database),
        log=log,
        refreshes=refreshes,
        programs=programs,
        health=Health(
            database,
            credentials,
            wires,
            breaker=breaker,
            protection=protection,
            settings=settings.toolhub,
        ),
    )
