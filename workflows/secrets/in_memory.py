"""Secrets of one process, for tests and for whoever embeds a worker without our tables."""

from collections.abc import Mapping

from foundation.errors import NotFoundError
from foundation.json import JsonValue


class SecretsInMemory:
    """A source of secrets.

    Args:
        secrets: By tenant and name.
    """

    def __init__(self, secrets: Mapping[tuple[str, str], JsonValue] | None = None) -> None:
        self._secrets = dict(secrets or {})

    async def read(self, tenant_id: str, names: tuple[str, ...]) -> dict[str, JsonValue]:
        """Return the secrets of these names.

        Raises:
            NotFoundError: When one is not there.
        """
        missing = [name for name in names if (tenant_id, name) not in self._secrets]
        if missing:
            raise NotFoundError(f"There are no secrets called {', '.join(missing)}.")
        return {name: self._secrets[tenant_id, name] for name in names}
