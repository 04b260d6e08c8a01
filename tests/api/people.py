"""Those who call the API in tests."""

from dataclasses import dataclass, field

from security.accounts.service import Accounts

PASSWORD = "press line number 7"


@dataclass(frozen=True)
class Person:
    """Somebody who is logged in."""

    tenant_id: str
    user_id: str
    email: str
    access_token: str
    refresh_token: str
    headers: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "headers", {"Authorization": f"Bearer {self.access_token}"})


def person(accounts: Accounts, tenant_id: str, role: str, *, new_tenant: bool = True) -> Person:
    """Make somebody with one role, and log him in."""
    if new_tenant:
        accounts.create_tenant(tenant_id, tenant_id)
    email = f"{role}@{tenant_id}.example"
    account = accounts.create_user(tenant_id, email, PASSWORD, [role])
    pair = accounts.login(email, PASSWORD)
    return Person(tenant_id, account.id, email, pair.access_token, pair.refresh_token)
