"""Build what keeps the schedules of definitions in one process."""

from temporalio.client import Client

from foundation.database import Database
from foundation.settings import TemporalSettings
from workflows.catalog import Catalog
from workflows.triggers.keeping import Triggers
from workflows.triggers.ledger import ScheduleLedger


def build_triggers(
    database: Database, client: Client, catalogue: Catalog, settings: TemporalSettings
) -> Triggers:
    """Wire it; the connections belong to the caller."""
    return Triggers(ScheduleLedger(database, catalogue), client, catalogue, settings)
