"""May this tenant run programs? Asked when one is about to start, whatever was true before."""

from typing import Protocol

from anyio import to_thread
from typing_extensions import override

from activities.patience import patiently
from security.features.schemas import PROGRAMS
from security.features.service import Features


class Gate(Protocol):
    """Whoever decides."""

    async def require(self, tenant_id: str) -> None:
        """Let the programs of a tenant pass.

        Raises:
            ForbiddenError: This tenant's are not run, and who can change that.
        """
        ...

    async def require_image(self, tenant_id: str, image: str) -> None:
        """Let the containers of an image pass.

        Raises:
            ForbiddenError: This tenant's are not run, or not of this image, and who can change it.
        """
        ...


class FeatureGate(Gate):
    """What administrators have decided. While the database is away, nothing passes: it waits."""

    def __init__(self, features: Features) -> None:
        self._features = features

    @override
    async def require(self, tenant_id: str) -> None:
        await patiently(lambda: to_thread.run_sync(self._features.require, tenant_id, PROGRAMS))

    @override
    async def require_image(self, tenant_id: str, image: str) -> None:
        require = self._features.require_image
        await patiently(lambda: to_thread.run_sync(require, tenant_id, image))
