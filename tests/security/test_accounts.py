import hashlib
from concurrent.futures import ThreadPoolExecutor

import bcrypt
import pytest
from sqlalchemy import func, select, update

from foundation.database import Database
from foundation.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    UnauthenticatedError,
)
from foundation.settings import AuthSettings
from security.accounts.models import LoginSession, RefreshToken, User
from security.accounts.schemas import Account, TokenPair
from security.accounts.service import Accounts
from security.tokens import AccessTokens
from tests.security.clocks import Clock

PASSWORD = "press line number 7"
WRONG = "E-mail address, password or tenant is wrong"
SPENT = r"refresh token is not valid \(any more\)"


@pytest.fixture
def ana(accounts: Accounts) -> Account:
    accounts.create_tenant("plant-7", "Plant 7")
    return accounts.create_user("plant-7", "Ana@Plant.example", PASSWORD, ["operator", "viewer"])


@pytest.fixture
def ana_elsewhere(accounts: Accounts, ana: Account) -> Account:
    accounts.create_tenant("plant-8", "Plant 8")
    return accounts.create_user("plant-8", ana.email, "press line number 8", ["viewer"])


def refused(accounts: Accounts, *credentials: str | None) -> str:
    with pytest.raises(UnauthenticatedError, match=WRONG) as error:
        accounts.login(*credentials)  # type: ignore[arg-type]
    return str(error.value)


def spent(accounts: Accounts, token: str) -> None:
    with pytest.raises(UnauthenticatedError, match=SPENT):
        accounts.refresh(token)


def test_a_log_in_yields_a_token_of_that_user(
    accounts: Accounts, tokens: AccessTokens, ana: Account
) -> None:
    caller = tokens.verify(accounts.login("ana@plant.example", PASSWORD).access_token)
    assert (caller.tenant_id, caller.subject, caller.email) == ("plant-7", ana.id, ana.email)
    assert caller.roles == {"operator", "viewer"}


def test_addresses_are_the_same_in_any_case(accounts: Accounts, ana: Account) -> None:
    assert ana.email == "ana@plant.example"
    accounts.login(" ANA@plant.EXAMPLE ", PASSWORD)


@pytest.mark.usefixtures("ana_elsewhere")
def test_an_address_of_two_tenants_needs_the_tenant(
    accounts: Accounts, tokens: AccessTokens, ana: Account
) -> None:
    refused(accounts, ana.email, PASSWORD)
    pair = accounts.login(ana.email, PASSWORD, "plant-7")
    assert tokens.verify(pair.access_token).tenant_id == "plant-7"


@pytest.mark.usefixtures("ana_elsewhere")
def test_the_password_of_one_tenant_opens_no_other(accounts: Accounts, ana: Account) -> None:
    refused(accounts, ana.email, PASSWORD, "plant-8")


def test_every_wrong_combination_gets_the_same_answer(accounts: Accounts, ana: Account) -> None:
    accounts.disable_user("plant-7", ana.id)
    other = accounts.create_user("plant-7", "bo@plant.example", PASSWORD, [])
    answers = {
        refused(accounts, ana.email, PASSWORD),
        refused(accounts, other.email, "not the password"),
        refused(accounts, "nobody@plant.example", PASSWORD),
        refused(accounts, other.email, PASSWORD, "plant-9"),
        refused(accounts, other.email, PASSWORD, "' or 1=1 --"),
        refused(accounts, "\x00\ud800", PASSWORD),
        refused(accounts, "", ""),
    }
    assert len(answers) == 1


def test_a_bcrypt_hash_is_replaced_at_log_in(
    accounts: Accounts, database: Database, ana: Account
) -> None:
    old = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    with database.session() as session:
        session.execute(update(User).values(password_hash=old))
    accounts.login(ana.email, PASSWORD)
    with database.session() as session:
        stored = session.scalars(select(User.password_hash)).one()
    assert stored.startswith("$argon2id$")
    accounts.login(ana.email, PASSWORD)


def test_neither_passwords_nor_refresh_tokens_are_stored(
    accounts: Accounts, database: Database, ana: Account
) -> None:
    pair = accounts.login(ana.email, PASSWORD)
    with database.session() as session:
        row = session.scalars(select(RefreshToken)).one()
        user = session.scalars(select(User)).one()
    assert row.hash == hashlib.sha256(pair.refresh_token.encode()).hexdigest()
    assert PASSWORD not in user.password_hash


def test_a_refresh_token_holds_48_random_bytes(accounts: Accounts, ana: Account) -> None:
    first, second = (accounts.login(ana.email, PASSWORD).refresh_token for _ in range(2))
    assert first != second
    assert len(first.removeprefix("plant-7.")) == 64


def test_a_refresh_yields_a_new_pair_of_the_same_log_in(
    accounts: Accounts, tokens: AccessTokens, ana: Account
) -> None:
    first = accounts.login(ana.email, PASSWORD)
    second = accounts.refresh(first.refresh_token)
    assert second.refresh_token != first.refresh_token
    assert second.refresh_expires_at == first.refresh_expires_at
    assert tokens.verify(second.access_token).subject == ana.id


def test_a_refresh_takes_up_changed_roles(
    accounts: Accounts, tokens: AccessTokens, database: Database, ana: Account
) -> None:
    first = accounts.login(ana.email, PASSWORD)
    with database.session() as session:
        session.execute(update(User).values(roles=["viewer"]))
    second = accounts.refresh(first.refresh_token)
    assert tokens.verify(second.access_token).roles == {"viewer"}


def test_a_used_refresh_token_ends_the_whole_log_in(accounts: Accounts, ana: Account) -> None:
    first = accounts.login(ana.email, PASSWORD)
    second = accounts.refresh(first.refresh_token)
    third = accounts.refresh(second.refresh_token)
    spent(accounts, first.refresh_token)
    spent(accounts, third.refresh_token)
    spent(accounts, second.refresh_token)


def test_ending_one_log_in_leaves_the_others(accounts: Accounts, ana: Account) -> None:
    stolen, other = (accounts.login(ana.email, PASSWORD) for _ in range(2))
    accounts.refresh(stolen.refresh_token)
    spent(accounts, stolen.refresh_token)
    accounts.refresh(other.refresh_token)


def test_of_parallel_uses_one_wins_and_the_log_in_ends(accounts: Accounts, ana: Account) -> None:
    first = accounts.login(ana.email, PASSWORD)

    def use(_: int) -> TokenPair | None:
        try:
            return accounts.refresh(first.refresh_token)
        except UnauthenticatedError:
            return None

    with ThreadPoolExecutor(16) as threads:
        winners = [pair for pair in threads.map(use, range(32)) if pair]
    assert len(winners) == 1
    spent(accounts, winners[0].refresh_token)


def test_a_theft_racing_its_victim_never_leaves_a_good_token(
    accounts: Accounts, database: Database, ana: Account
) -> None:
    """Thief and victim both go on refreshing as fast as they can, from the same token."""
    first = accounts.login(ana.email, PASSWORD)

    def go_on(token: str) -> None:
        try:
            for _ in range(20):
                token = accounts.refresh(token).refresh_token
        except UnauthenticatedError:
            return

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(go_on, [first.refresh_token] * 2))
    with database.session() as session:
        assert session.scalars(select(LoginSession.revoked_at)).one() is not None


def test_a_log_in_ends_with_its_time_however_often_it_is_refreshed(
    accounts: Accounts, clock: Clock, ana: Account
) -> None:
    pair = accounts.login(ana.email, PASSWORD)
    for _ in range(2):
        clock.pass_by(AuthSettings().refresh_ttl_s / 2 - 1)
        pair = accounts.refresh(pair.refresh_token)
    clock.pass_by(2)
    spent(accounts, pair.refresh_token)


def test_expired_log_ins_are_forgotten_at_the_next_one(
    accounts: Accounts, clock: Clock, database: Database, ana: Account
) -> None:
    accounts.login(ana.email, PASSWORD)
    clock.pass_by(AuthSettings().refresh_ttl_s)
    accounts.login(ana.email, PASSWORD)
    with database.session() as session:
        assert session.scalar(select(func.count()).select_from(LoginSession)) == 1
        assert session.scalar(select(func.count()).select_from(RefreshToken)) == 1


def test_a_disabled_user_cannot_refresh(accounts: Accounts, ana: Account) -> None:
    pair = accounts.login(ana.email, PASSWORD)
    accounts.disable_user("plant-7", ana.id)
    spent(accounts, pair.refresh_token)


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "plant-7.",
        "plant-7." + "A" * 64,
        "." + "A" * 64,
        "plant-7\x00." + "A" * 64,
        "é" * 99,
    ],
)
@pytest.mark.usefixtures("ana")
def test_a_refresh_token_of_nobody_is_refused(accounts: Accounts, token: str) -> None:
    spent(accounts, token)


@pytest.mark.usefixtures("ana_elsewhere")
def test_a_refresh_token_does_not_move_to_another_tenant(accounts: Accounts, ana: Account) -> None:
    pair = accounts.login(ana.email, PASSWORD, "plant-7")
    spent(accounts, pair.refresh_token.replace("plant-7.", "plant-8."))
    accounts.refresh(pair.refresh_token)


def test_an_access_token_is_no_refresh_token(accounts: Accounts, ana: Account) -> None:
    spent(accounts, accounts.login(ana.email, PASSWORD).access_token)


def test_another_tenants_user_cannot_be_disabled(
    accounts: Accounts, ana: Account, ana_elsewhere: Account
) -> None:
    with pytest.raises(NotFoundError, match=f"no user '{ana.id}' in the tenant 'plant-8'"):
        accounts.disable_user(ana_elsewhere.tenant_id, ana.id)
    accounts.login(ana.email, PASSWORD, "plant-7")


def test_an_address_exists_once_in_a_tenant(accounts: Accounts, ana: Account) -> None:
    with pytest.raises(ConflictError, match=r"'ana@plant\.example' has an account in the tenant"):
        accounts.create_user("plant-7", ana.email.upper(), PASSWORD, [])


def test_a_tenant_exists_once(accounts: Accounts) -> None:
    accounts.create_tenant("plant-7", "Plant 7")
    with pytest.raises(ConflictError, match="There is a tenant 'plant-7' already"):
        accounts.create_tenant("plant-7", "Plant 7")


@pytest.mark.parametrize("tenant_id", ["", "Plant", "-a", "a-", "a/b", "a.b", "x" * 64, "a\n", "é"])
def test_a_tenant_id_is_a_slug(accounts: Accounts, tenant_id: str) -> None:
    with pytest.raises(InvalidInputError, match="cannot be a tenant id"):
        accounts.create_tenant(tenant_id, "Plant")


@pytest.mark.parametrize(
    "email", ["", "ana", "@", "a@", "a b@c", "a@b@c", "a\x00@b", "x" * 255 + "@b"]
)
@pytest.mark.usefixtures("ana")
def test_an_address_looks_like_one(accounts: Accounts, email: str) -> None:
    with pytest.raises(InvalidInputError, match="is not an e-mail address"):
        accounts.create_user("plant-7", email, PASSWORD, [])


@pytest.mark.usefixtures("ana")
def test_a_user_needs_a_known_role_and_a_tenant(accounts: Accounts) -> None:
    with pytest.raises(InvalidInputError, match="no role 'boss'"):
        accounts.create_user("plant-7", "bo@plant.example", PASSWORD, ["boss"])
    with pytest.raises(NotFoundError, match="no tenant 'plant-9'"):
        accounts.create_user("plant-9", "bo@plant.example", PASSWORD, [])
