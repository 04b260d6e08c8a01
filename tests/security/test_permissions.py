from pathlib import Path

import pytest

from foundation.errors import InvalidInputError
from security.permissions import INCLUDES, OWN, PERMISSIONS, ROLES, check_roles, permissions_of
from security.reference import permissions_page

# Written out by hand: a change of the table has to be meant twice.
SEE = {"workflow:read", "schedule:read", "mcp:read", "account:read"}
EDIT = {"workflow:create", "workflow:update", "workflow:delete", "schedule:manage", "secret:read"}
EDIT |= {"approval:manage"}
EXPECTED = {
    "viewer": SEE | {"approval:read"},
    "analyst": SEE | {"approval:read", "mcp:call"},
    "operator": SEE | {"workflow:execute", "event:publish", "approval:decide"},
    "manager": SEE
    | EDIT
    | {"workflow:execute", "event:publish", "mcp:call", "approval:read", "approval:decide"},
    "ai-engineer": SEE
    | {"workflow:create", "workflow:update", "workflow:execute", "mcp:call", "mcp:manage"}
    | {"secret:read", "secret:manage", "event:publish"},
    "admin": set(PERMISSIONS),
}


@pytest.mark.parametrize("role", sorted(EXPECTED))
def test_a_role_gives_exactly_what_the_table_says(role: str) -> None:
    assert ROLES[role] == EXPECTED[role]


def test_there_is_no_role_beside_the_table() -> None:
    assert ROLES.keys() == EXPECTED.keys() == OWN.keys() == INCLUDES.keys()


@pytest.mark.parametrize(
    ("higher", "lower"),
    [
        ("admin", "manager"),
        ("manager", "analyst"),
        ("analyst", "viewer"),
        ("manager", "operator"),
        ("admin", "ai-engineer"),
    ],
)
def test_a_higher_role_may_all_that_a_lower_one_may(higher: str, lower: str) -> None:
    assert ROLES[higher] > ROLES[lower]


def test_managers_cannot_do_what_only_ai_engineers_and_admins_may() -> None:
    assert not {"mcp:manage", "secret:manage"} & ROLES["manager"]
    assert "workflow:execute" not in ROLES["analyst"]


def test_every_permission_of_a_role_is_a_known_one() -> None:
    assert set().union(*OWN.values()) <= PERMISSIONS.keys()


def test_roles_add_up() -> None:
    assert permissions_of(["operator", "analyst"]) == ROLES["operator"] | ROLES["analyst"]


def test_an_unknown_role_gives_nothing() -> None:
    assert permissions_of(["root", "Admin", ""]) == frozenset()


def test_an_unknown_role_cannot_be_granted() -> None:
    with pytest.raises(InvalidInputError, match=r"no role 'superuser'\. Roles: admin, ai-engineer"):
        check_roles(["viewer", "superuser"])


def test_the_reference_page_shows_the_table_of_the_code() -> None:
    page = Path(__file__).parents[2] / "docs" / "reference" / "permissions.md"
    assert page.read_text() == permissions_page(), "Run: python -m security.reference"
