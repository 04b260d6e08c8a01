"""Roles and what each may do: one table, closed over the hierarchy once, when it is imported.

    admin ── manager ── analyst ── viewer
      │         └────── operator
      └───── ai-engineer

A permission is `resource:action`. Access tokens carry them in the claim `permissions`. Temporal's
default claim mapper reads a claim of that name too and takes `workflow:read` for the role Reader
on a namespace called `workflow`; a server that trusts our issuer must be told another claim name
(`TEMPORAL_JWT_PERMISSIONS_CLAIM`).
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from foundation.errors import InvalidInputError

# Every permission there is, and what it is for; the reference page is made of this.
PERMISSIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "workflow:create": "Publish a definition",
        "workflow:read": "See definitions, instances and their progress; check a definition",
        "workflow:update": "Change what belongs to a published definition",
        "workflow:delete": "Withdraw a definition",
        "workflow:execute": "Start, cancel and terminate instances",
        "approval:read": "See what waits for the decision of others",
        "approval:decide": "See what waits for one's own decision, and decide",
        "approval:manage": "Look after the links by which others decide, and take them back",
        "event:publish": "Send events to those who wait for them",
        "schedule:read": "See schedules",
        "schedule:manage": "Create, change, pause, run and delete schedules",
        "mcp:read": "See registered MCP servers and their tools",
        "mcp:manage": "Register, change and remove MCP servers and their credentials",
        "mcp:programs": "Register MCP servers that are programs on this installation's machines; "
        "publish what calls one",
        "mcp:call": "Call a tool of a registered MCP server directly",
        "secret:read": "See which secrets there are, never what they are",
        "secret:manage": "Store, rotate and delete the secrets that definitions read",
        "account:read": "See one's own account",
        "feature:manage": "Enable for the tenant what is off by itself, such as running programs",
        "egress:manage": "Say which hosts the tenant's requests may go to, and which not",
        "user:manage": "Create, change and disable users of the tenant",
    }
)

# What a role adds to the roles it includes.
OWN: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "viewer": frozenset(
            {"workflow:read", "approval:read", "schedule:read", "mcp:read", "account:read"}
        ),
        "analyst": frozenset({"mcp:call"}),
        "operator": frozenset(
            {
                "workflow:read",
                "workflow:execute",
                "approval:decide",
                "event:publish",
                "schedule:read",
                "mcp:read",
                "account:read",
            }
        ),
        "manager": frozenset(
            {
                "workflow:create",
                "workflow:update",
                "workflow:delete",
                "approval:manage",
                "schedule:manage",
                "secret:read",
            }
        ),
        "ai-engineer": frozenset(
            {
                "workflow:create",
                "workflow:read",
                "workflow:update",
                "workflow:execute",
                "event:publish",
                "schedule:read",
                "mcp:read",
                "mcp:manage",
                "mcp:call",
                "secret:read",
                "secret:manage",
                "account:read",
            }
        ),
        "admin": frozenset({"egress:manage", "feature:manage", "mcp:programs", "user:manage"}),
    }
)

# Which roles a role stands directly above.
INCLUDES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "viewer": (),
        "analyst": ("viewer",),
        "operator": (),
        "manager": ("analyst", "operator"),
        "ai-engineer": (),
        "admin": ("manager", "ai-engineer"),
    }
)


def _closure(role: str) -> frozenset[str]:
    return OWN[role].union(*(_closure(lower) for lower in INCLUDES[role]))


# Role -> every permission it gives, its own and those of the roles below it.
ROLES: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {role: _closure(role) for role in OWN}
)


def permissions_of(roles: Iterable[str]) -> frozenset[str]:
    """Add up what these roles give; a role we do not know gives nothing."""
    return frozenset[str]().union(*(ROLES.get(role, frozenset()) for role in roles))


def check_roles(roles: Iterable[str]) -> list[str]:
    """Return the roles sorted, each once.

    Raises:
        InvalidInputError: When one of them does not exist.
    """
    wanted = set(roles)
    if unknown := sorted(wanted - ROLES.keys()):
        raise InvalidInputError(
            f"There is no role '{unknown[0]}'. Roles: {', '.join(sorted(ROLES))}."
        )
    return sorted(wanted)
