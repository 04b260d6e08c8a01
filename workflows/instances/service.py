"""Instances: start, look at, list, follow, stop. The one door to runs for the API."""

from collections.abc import AsyncIterator
from dataclasses import replace

from temporalio.client import Client

from foundation.errors import InvalidInputError
from foundation.settings import TemporalSettings
from workflows.instances import listing
from workflows.instances.door import named
from workflows.instances.feed import Event
from workflows.instances.following import Followers
from workflows.instances.going_on import GoingOn
from workflows.instances.inspection import Look
from workflows.instances.starting import Starting
from workflows.instances.stopping import Stopping
from workflows.instances.types import Filters, Instance, InstancePage
from workflows.runs.launch import Catalogue
from workflows.runs.pages import PageTokens, page_limit
from workflows.runs.rpc import translated


class Instances(Starting, Stopping, GoingOn):
    """Starts, inspects and stops runs through the Temporal client. One per process.

    Args:
        tokens: Seals the page tokens of listings.
    """

    def __init__(
        self,
        client: Client,
        catalogue: Catalogue,
        settings: TemporalSettings,
        tokens: PageTokens,
    ) -> None:
        super().__init__(client, catalogue, settings)
        self._tokens = tokens
        self._followers = Followers(client, self._inspector)

    def dismiss(self) -> None:
        """End all waits and event streams; for a process that is about to stop.

        Who waited gets the instance as it is, who followed comes again and goes on where he was.
        """
        self._followers.dismiss()

    async def look(self, tenant_id: str, instance_id: str, *, wait_s: float = 0.0) -> Look:
        """Look at one instance, ready to be sent.

        Args:
            wait_s: Wait so long for it to end; the answer comes as soon as it has.

        Raises:
            NotFoundError: When this tenant has no such instance.
            UnavailableError: When Temporal does not answer.
        """
        run = named(instance_id)
        closed = wait_s > 0 and await self._followers.wait((tenant_id, run), wait_s)
        return await self._inspector.look(tenant_id, run, closed=closed)

    async def get(self, tenant_id: str, instance_id: str) -> Instance:
        """Return one instance.

        Raises:
            NotFoundError: When this tenant has no such instance.
            UnavailableError: When Temporal does not answer.
        """
        return (await self.look(tenant_id, instance_id)).instance

    async def list(
        self,
        tenant_id: str,
        filters: Filters = Filters(),  # noqa: B008 - frozen
        *,
        page_size: int | None = None,
        page_token: str | None = None,
    ) -> InstancePage:
        """List instances, newest first.

        Raises:
            InvalidInputError: When the token belongs to another listing.
            UnavailableError: When Temporal does not answer.
        """
        query = listing.query(tenant_id, filters)
        position = self._tokens.open(query, page_token)
        with translated(lambda: InvalidInputError("This listing is no longer there.")):
            runs, after = await listing.page(
                self._client, tenant_id, query, page_limit(page_size), position
            )
        items = [self._inspector.summary(run, execution) for run, execution in runs]
        return InstancePage(items=items, next_page_token=self._tokens.seal(query, after))

    async def active(
        self,
        tenant_id: str,
        filters: Filters = Filters(),  # noqa: B008 - frozen
        *,
        page_size: int | None = None,
        page_token: str | None = None,
    ) -> InstancePage:
        """List the instances that have not ended, newest first."""
        return await self.list(
            tenant_id,
            replace(filters, active=True),
            page_size=page_size,
            page_token=page_token,
        )

    async def events(
        self, tenant_id: str, instance_id: str, *, after: int = 0
    ) -> AsyncIterator[Event]:
        """Follow a run: its task events, and last how it ended.

        Returns an iterator once the instance is known to be there. It stops by itself after
        `LONGEST_FOLLOW_S` seconds; follow again with the last sequence number then.

        Args:
            after: Sequence number of the last event that was seen.

        Raises:
            NotFoundError: When this tenant has no such instance.
            UnavailableError: When Temporal does not answer.
        """
        run = named(instance_id)
        await self._inspector.describe(tenant_id, run)
        return self._followers.follow((tenant_id, run), after)
