"""The way out: every request that leaves on somebody's behalf is checked here.

- `ways`: the ways out of a process, one for each tenant.
- `network`: connecting to addresses that were checked.
- `rules`, `addresses`: what may be asked, and how hosts are spelled.
- `service`, `stored`: the rules of tenants, for people and for the ways out.
"""

from security.egress.addresses import check_url
from security.egress.errors import EgressRefusedError, EgressUnknownError
from security.egress.rules import UNRULED, RuleSource
from security.egress.ways import Egress, WayOut

__all__ = [
    "UNRULED",
    "Egress",
    "EgressRefusedError",
    "EgressUnknownError",
    "RuleSource",
    "WayOut",
    "check_url",
]
