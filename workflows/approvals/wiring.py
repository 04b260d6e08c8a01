"""Build the inbox of one process, and the ways to decide."""

from dataclasses import dataclass

from temporalio.client import Client

from foundation.database import Database
from foundation.errors import MillwrightError
from foundation.settings import Settings
from security.accounts.people import People
from security.sealing import Sealer
from workflows.approvals.desk import Desk
from workflows.approvals.inbox import Inbox
from workflows.approvals.links.grant import PURPOSE as LINKS
from workflows.approvals.links.grant import LinkTokens
from workflows.approvals.links.service import Links
from workflows.approvals.service import Approvals
from workflows.approvals.signatures import PURPOSE
from workflows.runs.pages import PageTokens


class PublicUrlError(MillwrightError):
    """Links cannot lead where the settings say."""

    code = "public-url"


@dataclass(frozen=True)
class Connections:
    """What approvals reach; it belongs to the caller, who closes it."""

    database: Database
    temporal: Client
    people: People


def build_approvals(connections: Connections, sealer: Sealer, pages: PageTokens) -> Approvals:
    """Wire the inbox, and the way of decisions to runs."""
    key = sealer.derive(PURPOSE)
    inbox = Inbox(Desk(connections.database), pages, key)
    return Approvals(inbox, connections.temporal, connections.people, key)


def build_links(approvals: Approvals, people: People, sealer: Sealer, settings: Settings) -> Links:
    """Wire the links by which people decide.

    Raises:
        PublicUrlError: When the settings would send them over a connection that others can read.
    """
    tokens = LinkTokens(sealer.derive(LINKS))
    return Links(approvals, people, tokens, settings.approvals, _public_url(settings))


def _public_url(settings: Settings) -> str | None:
    given = settings.api.public_url
    if settings.profile == "local":
        return given or f"http://{settings.api.host}:{settings.api.port}"
    if given is not None and not given.startswith("https://"):
        raise PublicUrlError(
            "MILLWRIGHT_API_PUBLIC_URL must begin with https:// in production: whoever reads a "
            "link can decide with it."
        )
    return given
