"""Build the parts of one API process, each once, from its settings and its ways out."""

from temporalio.client import Client

from activities.logins import Authenticator
from api.services import Services
from foundation.database import Database
from foundation.redis import RedisLink
from foundation.settings import Settings
from foundation.telemetry import Telemetry
from security.accounts.people import StoredPeople
from security.accounts.wiring import build_accounts
from security.egress import Egress
from security.egress.service import EgressRuling
from security.features.service import Features
from security.guesses import Guesses
from security.sealing import Sealer
from security.secrets.service import Secrets
from toolhub.wiring import build_toolhub
from workflows.approvals.wiring import Connections, build_approvals, build_links
from workflows.catalog import Catalog
from workflows.catalog.fetching import Fetcher
from workflows.catalog.functions.service import Functions
from workflows.catalog.publishing import Publisher
from workflows.catalog.tools import RegisteredTools
from workflows.events.wiring import build_events
from workflows.instances.service import Instances
from workflows.runs.pages import PageTokens
from workflows.schedules.service import Schedules
from workflows.secrets import SecretOpener, StoredSecrets
from workflows.triggers.ledger import Successions
from workflows.triggers.wiring import build_triggers


def build_services(
    settings: Settings,
    database: Database,
    temporal: Client,
    egress: Egress,
    *,
    redis: RedisLink | None,
    telemetry: Telemetry,
) -> Services:
    """Wire the services of one process. The connections belong to the caller, who closes them.

    Raises:
        MasterKeyError: When `MILLWRIGHT_SECURITY_MASTER_KEY` is missing or no key.
        PublicUrlError: When `MILLWRIGHT_API_PUBLIC_URL` is not safe.
    """
    sealer = Sealer.from_settings(settings.security)
    accounts = build_accounts(database, sealer, settings)
    toolhub = build_toolhub(
        database,
        sealer,
        egress,
        settings,
        redis=redis,
        telemetry=telemetry,
    )
    catalog = Catalog(database, Successions(), RegisteredTools(toolhub.drifts))
    functions = Functions(database)
    features = Features(database)
    secrets = Secrets(database, sealer)
    opener = SecretOpener(StoredSecrets(secrets))
    fetcher = Fetcher(egress, functions, opener, Authenticator(egress))
    pages = PageTokens(sealer.derive("page-tokens"))
    people = StoredPeople(database)
    approvals = build_approvals(Connections(database, temporal, people), sealer, pages)
    return Services(
        settings=settings,
        database=database,
        accounts=accounts,
        tokens=accounts.tokens,
        catalog=catalog,
        functions=functions,
        publisher=Publisher(catalog, functions, features, fetcher),
        instances=Instances(temporal, catalog, settings.temporal, pages),
        schedules=Schedules(temporal, catalog, settings.temporal, pages),
        triggers=build_triggers(database, temporal, catalog, settings.temporal),
        approvals=approvals,
        links=build_links(approvals, people, sealer, settings),
        guesses=Guesses(),
        events=build_events(database, temporal, settings.events),
        secrets=secrets,
        features=features,
        egress=egress,
        ruling=EgressRuling(database, egress.forget),
        registry=toolhub.registry,
        consenting=toolhub.consenting,
        imports=toolhub.imports,
        drifts=toolhub.drifts,
        toolhub=toolhub.hub,
        breakers=toolhub.breakers,
        policies=toolhub.policies,
        health=toolhub.health,
        calls=toolhub.calls,
        hub_parts=toolhub,
        temporal=temporal,
    )
