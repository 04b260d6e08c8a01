"""What keeps count of the calls of all workers. The tables are not for this floor."""

from collections.abc import Sequence
from typing import Final, Protocol

from activities.limits.types import Limits, Refused

# Who is inside says so every ten seconds; who has not for thirty is dead.
RENEW_S: Final = 10.0
LEASE_S: Final = 30.0


class Gate(Protocol):
    """Lets calls in, within their limits, in the order in which they came."""

    def enter(
        self, tenant_id: str, limits: Limits, *, again: bool
    ) -> tuple[Refused | None, Sequence[Limits]]:
        """Let a call in, or say why it has to wait; also say whose turn it is instead.

        Args:
            again: It was let in before, and its first attempt had no effect. It has its place, and
                a rate only counts it.
        """
        ...

    def renew(self, tenant_id: str, limits: Limits) -> None:
        """Say that a call is still at it."""
        ...

    def leave(self, tenant_id: str, limits: Limits, *, back_in_s: float | None) -> Sequence[Limits]:
        """Let a call out; say whose turn it is.

        Args:
            back_in_s: When its next attempt begins; it keeps its place until then.
        """
        ...
