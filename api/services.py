"""Everything the front door hands requests to: built once per process, in its wiring function."""

from dataclasses import dataclass

from temporalio.client import Client

from foundation.database import Database
from foundation.settings import Settings
from security.accounts.service import Accounts
from security.egress import Egress
from security.egress.service import EgressRuling
from security.features.service import Features
from security.guesses import Guesses
from security.secrets.service import Secrets
from security.tokens import AccessTokens
from toolhub.breakers import Breakers
from toolhub.calls.service import Calls
from toolhub.consents.service import Consenting
from toolhub.health.service import Health
from toolhub.hub import ToolHub
from toolhub.importing.service import Imports
from toolhub.pinning.service import Drifts
from toolhub.policies.service import Policies
from toolhub.registry import Registry
from toolhub.wiring import ToolhubParts
from workflows.approvals.links.service import Links
from workflows.approvals.service import Approvals
from workflows.catalog import Catalog
from workflows.catalog.functions.service import Functions
from workflows.catalog.publishing import Publisher
from workflows.events.service import Events
from workflows.instances.service import Instances
from workflows.schedules.service import Schedules
from workflows.triggers.keeping import Triggers


@dataclass(frozen=True)
class Services:
    """The parts of one API process.

    Attributes:
        tokens: Verifies access tokens on every request.
        catalog: Published definitions.
        functions: The tenants' own catalogues of functions.
        publisher: Publishes both, with what they use from elsewhere.
        instances: Their runs.
        schedules: When runs begin by themselves.
        triggers: What definitions start by themselves.
        approvals: What waits for people.
        links: Decide without logging in.
        guesses: Counts links that are none.
        events: Brings events to those who wait for them.
        secrets: What definitions log in with elsewhere.
        egress: The way out of this process.
        ruling: What tenants say about it.
        registry: The registered MCP servers.
        consenting: Asks people to agree that they are used as them.
        imports: Registers what a `server.json` describes.
        drifts: How their tools have changed, and what of it waits for somebody.
        toolhub: Calls their tools.
        breakers: What keeps them from being called when that is of no use.
        health: Whether they answer.
        calls: Which calls they had.
        hub_parts: All of the hub, to be closed when the process ends.
        temporal: The one client of this process; it reconnects by itself.
    """

    settings: Settings
    database: Database
    accounts: Accounts
    tokens: AccessTokens
    catalog: Catalog
    functions: Functions
    publisher: Publisher
    instances: Instances
    schedules: Schedules
    triggers: Triggers
    approvals: Approvals
    links: Links
    guesses: Guesses
    events: Events
    secrets: Secrets
    features: Features
    egress: Egress
    ruling: EgressRuling
    registry: Registry
    consenting: Consenting
    imports: Imports
    drifts: Drifts
    toolhub: ToolHub
    breakers: Breakers
    policies: Policies
    health: Health
    calls: Calls
    hub_parts: ToolhubParts
    temporal: Client
