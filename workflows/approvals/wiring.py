"""Build the inbox of one process."""

from temporalio.client import Client

from foundation.database import Database
from security.sealing import Sealer
from workflows.approvals.service import Approvals
from workflows.approvals.signatures import PURPOSE
from workflows.runs.pages import PageTokens


def build_approvals(
    database: Database, client: Client, sealer: Sealer, pages: PageTokens
) -> Approvals:
    """Wire it; the connections belong to the caller."""
    return Approvals(database, client, pages, sealer.derive(PURPOSE))
