"""Who may send, where not everybody may: a claim that one holder has, or has not.

Deduplication is a limit of one per window, so both are one thing: at most so many in such a time.

A claim is taken before something is sent, and only for as long as that can take; when it was sent,
the claim is settled for the whole window. A worker that dies in between holds up others for a
minute and does not silence them for a day. The same holder gets its own claim again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, TypeAlias

Reason: TypeAlias = Literal["duplicate", "rate-limited"]


@dataclass(frozen=True, slots=True)
class Claim:
    """One place among those that a limit has.

    Attributes:
        key: What is counted together within a tenant; a hash, since it names people and keys.
        reason: Why nothing is sent when there is no place.
        permits: How many places there are.
        period_s: For how long one is taken by what was sent.
    """

    key: str
    reason: Reason
    permits: int
    period_s: float


@dataclass(frozen=True, slots=True)
class Granted:
    """Send it, then settle or release."""


@dataclass(frozen=True, slots=True)
class AlreadySent:
    """This very holder has sent it, and died or was lost before it could say so."""


@dataclass(frozen=True, slots=True)
class Undecided:
    """Others are sending. Whether they succeed is not known yet."""


@dataclass(frozen=True, slots=True)
class Suppressed:
    """Nothing is to be sent.

    Attributes:
        until: When there will be a place.
    """

    reason: Reason
    until: datetime


Verdict: TypeAlias = Granted | AlreadySent | Undecided | Suppressed


class Ledger(Protocol):
    """What all workers share about claims."""

    async def take(
        self, tenant_id: str, holder: str, claims: Sequence[Claim], lease_s: float
    ) -> Verdict:
        """Take all of these claims, or none. Nobody else decides at the same moment."""
        ...

    async def settle(self, tenant_id: str, holder: str, claims: Sequence[Claim]) -> None:
        """Keep the claims for their periods: it was sent."""
        ...

    async def release(self, tenant_id: str, holder: str, claims: Sequence[Claim]) -> None:
        """Give back what is not settled: it was not sent."""
        ...
