"""Secrets of our own database."""

from anyio import to_thread

from activities.patience import patiently
from foundation.json import JsonValue
from security.secrets.service import Secrets


class StoredSecrets:
    """A source of secrets."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets

    async def read(self, tenant_id: str, names: tuple[str, ...]) -> dict[str, JsonValue]:
        """Return the secrets of these names. While the database is away, wait for it.

        Raises:
            NotFoundError: When one is not there.
        """
        return await patiently(lambda: to_thread.run_sync(self._secrets.read, tenant_id, names))
