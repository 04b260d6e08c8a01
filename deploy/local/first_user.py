"""The first tenant and its administrator, so that somebody can log in."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from deploy.local.folder import kept_secret, new_token
from foundation.database import Database
from foundation.errors import ConflictError
from foundation.settings import Settings
from security.accounts.service import Accounts
from security.accounts.wiring import build_accounts
from security.sealing import Sealer

TENANT = "demo"
EMAIL = "admin@example.com"


@dataclass(frozen=True)
class Login:
    """How to log in.

    Attributes:
        password: None when the user was made from another data folder, so nobody here knows it.
        new: The user was made just now.
    """

    tenant: str
    email: str
    password: str | None
    file: Path
    new: bool = False


def ensure_first_user(settings: Settings, file: Path) -> Login:
    """Make the tenant and the administrator if they are missing; the password is kept in the file.

    Raises:
        UnavailableError: When the database cannot be reached.
    """
    database = Database(settings.database)
    try:
        sealer = Sealer.from_settings(settings.security)
        return _ensure(build_accounts(database, sealer, settings), file)
    finally:
        database.close()


def _ensure(accounts: Accounts, file: Path) -> Login:
    fresh = new_token()
    # Kept before the user exists: a crash in between must not lose the only password.
    password = kept_secret(file, fresh)
    made = _make(accounts, password)
    if made or password != fresh:
        return Login(TENANT, EMAIL, password, file, new=made)
    file.unlink()
    return Login(TENANT, EMAIL, None, file)


def _make(accounts: Accounts, password: str) -> bool:
    with suppress(ConflictError):
        accounts.create_tenant(TENANT, "Demo")
    try:
        accounts.create_user(TENANT, EMAIL, password, ["admin"])
    except ConflictError:
        return False
    return True
