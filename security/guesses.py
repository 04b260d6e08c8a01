"""How often somebody may be wrong about what nobody can guess: a bound on noise, not the lock.

Signed links are refused by their signature, whatever is counted here. Those who keep trying are
told to stop and cost nothing more. Counted in this process, and by the address of the connection:
behind a proxy all callers share one, so what is right is never refused because others were wrong.
"""

from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from time import monotonic
from typing import Final

from cachetools import TTLCache

ALLOWED: Final = 20
FORGOTTEN_S: Final = 60.0
_REMEMBERED: Final = 10_000
_IPV6_SITE: Final = 64


class Guesses:
    """Wrong guesses of the last minute. Not for threads: one event loop asks."""

    def __init__(self, allowed: int = ALLOWED, clock: Callable[[], float] = monotonic) -> None:
        self._allowed = allowed
        self._wrong: TTLCache[str, int] = TTLCache(_REMEMBERED, FORGOTTEN_S, timer=clock)

    def wrong(self, address: str) -> bool:
        """Count a wrong guess; False when there were too many, and it is not worth an answer."""
        site = _site(address)
        count = self._wrong.get(site, 0) + 1
        self._wrong[site] = count
        return count <= self._allowed


def _site(address: str) -> str:
    """Return what one caller can hardly change: of IPv6 everybody has many addresses."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if isinstance(found, IPv6Address):
        return str(int(found) >> (found.max_prefixlen - _IPV6_SITE))
    return str(found)
