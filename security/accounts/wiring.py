"""Putting accounts together, for every process that creates users or logs them in."""

from foundation.database import Database
from foundation.settings import Settings
from security.accounts.service import Accounts
from security.keys import SigningKeys
from security.passwords import Passwords
from security.sealing import Sealer
from security.tokens import AccessTokens


def build_accounts(database: Database, sealer: Sealer, settings: Settings) -> Accounts:
    """Wire accounts and the tokens they issue. Touches no database yet."""
    tokens = AccessTokens(SigningKeys(database, sealer), settings.auth)
    return Accounts(database, Passwords(), tokens, settings.auth)
