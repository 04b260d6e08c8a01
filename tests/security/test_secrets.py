"""The store of secrets: what it takes, what it shows, who can open what."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest
from sqlalchemy import Engine, event, text

from foundation.database import Database
from foundation.errors import InvalidInputError
from foundation.json import JsonValue
from security.mask import MIN_HIDDEN_CHARS
from security.sealing import SealBrokenError, Sealer
from security.secrets.errors import (
    InvalidSecretError,
    SecretChangedError,
    SecretTooLargeError,
    UnknownSecretError,
)
from security.secrets.service import Secrets
from security.secrets.values import MAX_BYTES, MAX_DEPTH, MIN_CHARS

PLANTED = "s3cr3t-plant-key"
PAIR: Final[dict[str, JsonValue]] = {"username": "press-line", "password": PLANTED}


@pytest.fixture
def secrets(database: Database, sealer: Sealer) -> Secrets:
    return Secrets(database, sealer)


@pytest.fixture
def statements(database: Database) -> Iterator[list[str]]:
    """What is sent to the database."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        sent.append(statement)

    engine: Engine = database.engine
    event.listen(engine, "before_cursor_execute", note)
    yield sent
    event.remove(engine, "before_cursor_execute", note)


def nested(levels: int) -> Any:
    value: Any = PLANTED
    for _ in range(levels):
        value = {"in": value}
    return value


@pytest.mark.parametrize(
    "value",
    [
        PLANTED,
        "비밀번호",
        "-----BEGIN PRIVATE KEY-----\nMIIEvQ==\n-----END PRIVATE KEY-----\n",
        PAIR,
        {
            "authority": "https://login.example",
            "client": {"id": "press-line", "secret": PLANTED},
            "scopes": ["orders.read", "orders.write"],
        },
        nested(MAX_DEPTH),
    ],
)
def test_what_is_put_is_read(secrets: Secrets, value: Any) -> None:
    secrets.put("plant-7", "erp", value, "ana")
    assert secrets.read("plant-7", ("erp",)) == {"erp": value}


def test_a_rotation_is_read_at_once_and_counted(secrets: Secrets) -> None:
    first = secrets.put("plant-7", "erp", PLANTED, "ana")
    second = secrets.put("plant-7", "erp", PAIR, "bo")
    assert secrets.read("plant-7", ("erp",)) == {"erp": PAIR}
    assert (first.version, second.version) == (1, 2)
    assert (second.created_by, second.updated_by) == ("ana", "bo")
    assert second.created_at == first.created_at < second.updated_at
    assert secrets.get("plant-7", "erp") == second


def test_all_secrets_of_a_call_are_read_with_one_query(
    secrets: Secrets, statements: list[str]
) -> None:
    for name in ("erp", "mes", "other"):
        secrets.put("plant-7", name, f"value of {name}", "ana")
    statements.clear()
    found = secrets.read("plant-7", ("mes", "erp", "mes"))
    assert found == {"mes": "value of mes", "erp": "value of erp"}
    assert len([each for each in statements if "FROM secrets" in each]) == 1


def test_reading_nothing_asks_nobody(secrets: Secrets, statements: list[str]) -> None:
    assert secrets.read("plant-7", ()) == {}
    assert statements == []


def test_missing_secrets_are_all_named_with_the_way_to_set_them(secrets: Secrets) -> None:
    secrets.put("plant-7", "erp", PLANTED, "ana")
    with pytest.raises(UnknownSecretError, match=r"'mes', 'a b', 'x\x00'.*PUT /api/v1/secrets/"):
        secrets.read("plant-7", ("erp", "mes", "a b", "x\x00"))
    with pytest.raises(UnknownSecretError, match=r"'mes'\. Set it with PUT /api/v1/secrets/mes"):
        secrets.read("plant-7", ("erp", "mes"))


def test_a_deleted_secret_is_gone_at_once(secrets: Secrets) -> None:
    secrets.put("plant-7", "erp", PLANTED, "ana")
    secrets.delete("plant-7", "erp")
    for attempt in (
        lambda: secrets.read("plant-7", ("erp",)),
        lambda: secrets.get("plant-7", "erp"),
        lambda: secrets.delete("plant-7", "erp"),
    ):
        with pytest.raises(UnknownSecretError, match="'erp'"):
            attempt()


def test_tenants_have_secrets_of_the_same_name_and_see_only_their_own(secrets: Secrets) -> None:
    secrets.put("plant-7", "erp", PLANTED, "ana")
    for attempt in (
        lambda: secrets.read("plant-8", ("erp",)),
        lambda: secrets.get("plant-8", "erp"),
        lambda: secrets.delete("plant-8", "erp"),
    ):
        with pytest.raises(UnknownSecretError):
            attempt()
    assert secrets.list("plant-8").items == []
    assert secrets.put("plant-8", "erp", "another one", "bo").version == 1
    assert secrets.read("plant-7", ("erp",)) == {"erp": PLANTED}


def test_no_column_holds_a_value(secrets: Secrets, database: Database) -> None:
    secrets.put("plant-7", "erp", PAIR, "ana")
    with database.session() as session:
        row = session.execute(text("select * from secrets")).one()
    assert row.name == "erp"
    assert PLANTED not in str(row)
    assert "password" not in str(row)


@pytest.mark.parametrize("column", ["tenant_id", "name"])
def test_a_row_under_another_key_does_not_open(
    secrets: Secrets, database: Database, column: str
) -> None:
    """Not even somebody who can write to the table can have a secret sent for another name."""
    secrets.put("plant-7", "erp", PLANTED, "ana")
    with database.session() as session:
        session.execute(text(f"update secrets set {column} = 'moved'"))  # noqa: S608 - ours
    key = {"tenant_id": "plant-7", "name": "erp"} | {column: "moved"}
    with pytest.raises(SealBrokenError):
        secrets.read(key["tenant_id"], (key["name"],))


def test_another_master_key_opens_nothing(secrets: Secrets, database: Database) -> None:
    secrets.put("plant-7", "erp", PLANTED, "ana")
    with pytest.raises(SealBrokenError, match="MILLWRIGHT_SECURITY_MASTER_KEY"):
        Secrets(database, Sealer(bytes(32))).read("plant-7", ("erp",))


def test_secrets_are_listed_by_name_page_by_page_without_values(secrets: Secrets) -> None:
    for name in ("c", "B", "_a", "a-b"):
        secrets.put("plant-7", name, PLANTED, "ana")
    first = secrets.list("plant-7", page_size=3)
    second = secrets.list("plant-7", page_size=3, page_token=first.next_page_token)
    assert [secret.name for secret in (*first.items, *second.items)] == ["B", "_a", "a-b", "c"]
    assert second.next_page_token is None
    assert PLANTED not in first.model_dump_json()


def test_a_page_token_of_another_list_is_refused(secrets: Secrets) -> None:
    with pytest.raises(InvalidInputError, match="page_token"):
        secrets.list("plant-7", page_token="x")


def test_a_change_of_what_somebody_else_rotated_is_refused(secrets: Secrets) -> None:
    seen = secrets.put("plant-7", "erp", PLANTED, "ana").etag
    now = secrets.put("plant-7", "erp", "rotated by bo", "bo", etag=seen).etag
    with pytest.raises(SecretChangedError, match="'erp' was rotated or deleted"):
        secrets.put("plant-7", "erp", PLANTED, "ana", etag=seen)
    with pytest.raises(SecretChangedError):
        secrets.delete("plant-7", "erp", etag=seen)
    assert secrets.read("plant-7", ("erp",)) == {"erp": "rotated by bo"}
    secrets.delete("plant-7", "erp", etag=now)


@pytest.mark.parametrize("etag", ["*", '"1"', ""])
def test_a_condition_on_a_secret_that_is_not_there_stores_nothing(
    secrets: Secrets, etag: str
) -> None:
    with pytest.raises(SecretChangedError):
        secrets.put("plant-7", "erp", PLANTED, "ana", etag=etag)
    assert secrets.list("plant-7").items == []


def test_any_version_can_be_asked_for(secrets: Secrets) -> None:
    secrets.put("plant-7", "erp", PLANTED, "ana")
    assert secrets.put("plant-7", "erp", PLANTED, "ana", etag="*").version == 2
    secrets.delete("plant-7", "erp", etag="*")


def test_a_secret_that_was_made_anew_has_another_etag(secrets: Secrets) -> None:
    first = secrets.put("plant-7", "erp", PLANTED, "ana")
    secrets.delete("plant-7", "erp")
    again = secrets.put("plant-7", "erp", PLANTED, "ana")
    assert again.version == first.version
    assert again.etag != first.etag


def test_of_parallel_rotations_none_is_lost(secrets: Secrets) -> None:
    with ThreadPoolExecutor(8) as threads:
        stored = threads.map(
            lambda n: secrets.put("plant-7", "erp", f"value {n}", "ana").version, range(24)
        )
    assert sorted(stored) == list(range(1, 25))


def test_of_parallel_changes_of_the_same_version_one_wins(secrets: Secrets) -> None:
    seen = secrets.put("plant-7", "erp", PLANTED, "ana").etag

    def rotate(n: int) -> int | None:
        try:
            return secrets.put("plant-7", "erp", f"value {n}", "ana", etag=seen).version
        except SecretChangedError:
            return None

    with ThreadPoolExecutor(8) as threads:
        assert sorted(filter(None, threads.map(rotate, range(16)))) == [2]


@pytest.mark.parametrize("name", ["e", "_", "erp", "ERP-2_b", "a" * 63])
def test_names_that_can_be(secrets: Secrets, name: str) -> None:
    assert secrets.put("plant-7", name, PLANTED, "ana").name == name


@pytest.mark.parametrize(
    "name", ["", "1a", "-a", "a b", "a.b", "a/b", "비밀", "a\n", "a\x00", "a" * 64]
)
def test_a_name_that_cannot_be_is_refused_and_never_found(secrets: Secrets, name: str) -> None:
    with pytest.raises(InvalidSecretError, match="cannot be the name of a secret"):
        secrets.put("plant-7", name, PLANTED, "ana")
    for attempt in (secrets.get, secrets.delete):
        with pytest.raises(UnknownSecretError):
            attempt("plant-7", name)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("abc", "The secret 'erp' has fewer than 4 characters"),
        ("  abc \n", "has fewer than 4 characters"),
        ("", "has fewer than 4 characters"),
        ({"pin": "123", "password": PLANTED}, "at /pin has fewer than 4 characters"),
        ({"password": PLANTED, "a/b": {"c~": ["long enough", ""]}}, "at /a~1b/c~0/1 has fewer"),
        ({"password": PLANTED, "port": 1521}, "at /port is no text"),
        ({"password": PLANTED, "tls": True}, "at /tls is no text"),
        ({"password": PLANTED, "tenant": None}, "at /tenant is no text"),
        ({}, "is empty"),
        ({"password": PLANTED, "more": {}}, "at /more is empty"),
        ([PLANTED], "has to be a text, or an object of texts"),
        (1234, "has to be a text, or an object of texts"),
        (None, "has to be a text, or an object of texts"),
        (f"{PLANTED}\ud800", "half a character"),
        ({f"{PLANTED}\ud800"[-1]: PLANTED}, "half a character"),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_its_place_and_not_repeated(
    secrets: Secrets, value: Any, words: str
) -> None:
    with pytest.raises(InvalidSecretError) as caught:
        secrets.put("plant-7", "erp", value, "ana")
    assert words in caught.value.message
    assert PLANTED not in caught.value.message
    assert caught.value.__cause__ is None
    assert secrets.list("plant-7").items == []


def test_a_value_is_bounded_in_levels_and_bytes(secrets: Secrets) -> None:
    for levels in (MAX_DEPTH + 1, 100_000):
        with pytest.raises(SecretTooLargeError, match="more than 8 levels"):
            secrets.put("plant-7", "erp", nested(levels), "ana")
    largest = "x" * (MAX_BYTES - 2)
    secrets.put("plant-7", "erp", largest, "ana")
    with pytest.raises(SecretTooLargeError, match=r"65,537 bytes as JSON; at most 65,536"):
        secrets.put("plant-7", "erp", largest + "x", "ana")
    with pytest.raises(SecretTooLargeError):
        secrets.put("plant-7", "erp", {"text": "비" * (MAX_BYTES // 3)}, "ana")


def test_nothing_is_stored_that_results_cannot_hide() -> None:
    assert MIN_CHARS >= MIN_HIDDEN_CHARS


def test_what_is_shown_has_no_room_for_a_value(secrets: Secrets) -> None:
    shown = json.loads(secrets.put("plant-7", "erp", PAIR, "ana").model_dump_json())
    known = {"name", "version", "created_at", "created_by", "updated_at", "updated_by"}
    assert set(shown) == known
