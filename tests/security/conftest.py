"""The parts of the security package, wired as a process wires them, on a clock of the test's."""

import pytest
from pydantic import SecretStr

from foundation.database import Database
from foundation.settings import AuthSettings, SecuritySettings
from security.accounts.service import Accounts
from security.keys import SigningKeys
from security.passwords import Passwords
from security.sealing import Sealer
from security.tokens import AccessTokens
from tests.security.clocks import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sealer(master_key: SecretStr) -> Sealer:
    return Sealer.from_settings(SecuritySettings(master_key=master_key))


@pytest.fixture
def keys(database: Database, sealer: Sealer, clock: Clock) -> SigningKeys:
    return SigningKeys(database, sealer, clock=clock.seconds)


@pytest.fixture
def tokens(keys: SigningKeys, clock: Clock) -> AccessTokens:
    return AccessTokens(keys, AuthSettings(), clock=clock.seconds)


@pytest.fixture
def accounts(database: Database, tokens: AccessTokens, clock: Clock) -> Accounts:
    return Accounts(database, Passwords(), tokens, AuthSettings(), clock=clock)
