"""What is published is kept as it was, whoever publishes at the same time."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from foundation.database import Database
from foundation.errors import ConflictError, NotFoundError
from foundation.json import digest
from tests.catalog.test_catalog import definition, somebody
from workflows.catalog import Catalog

NUMBERS = "[1e22, 1.0, -0.0, 5.0e-324, 1e-7, 0.1, 18446744073709551615, -9223372036854775808]"


def test_what_is_read_has_the_hash_and_the_order_of_what_was_published(database: Database) -> None:
    source = (
        "document: { version: '1.0.0', name: odd, namespace: plant, dsl: '1.0.3' }\n"
        f"do: [ {{ z: {{ set: {{ z: {NUMBERS}, a: 'ü\\u0001😀', '': null }} }} }} ]\n"
    )
    published = Catalog(database).publish(somebody("t1"), source)
    read = Catalog(database).by_hash("t1", published.hash)
    assert digest(read.document) == published.hash
    head = read.document["document"]
    assert isinstance(head, dict)
    assert list(head) == ["version", "name", "namespace", "dsl"]
    assert read.source == source


def test_of_many_who_publish_the_same_at_once_one_creates_it(database: Database) -> None:
    catalog = Catalog(database)
    with ThreadPoolExecutor(4) as threads:
        answers = list(
            threads.map(lambda _: catalog.publish(somebody("t1"), definition()), range(8))
        )
    assert [each.created for each in answers].count(True) == 1
    assert len({each.hash for each in answers}) == 1


def test_of_two_who_publish_one_version_with_other_content_one_is_refused(
    database: Database,
) -> None:
    def publish(value: int) -> str:
        try:
            return Catalog(database).publish(somebody("t1"), definition(value=value)).hash
        except ConflictError:
            return "conflict"

    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(publish, (1, 2)))
    assert answers.count("conflict") == 1


def test_a_version_that_was_read_once_is_not_asked_for_again(database: Database) -> None:
    catalog = Catalog(database)
    published = catalog.publish(somebody("t1"), definition())
    read = catalog.get("t1", "plant", "hello", "1.0.0")
    with database.session() as session:
        session.execute(text("delete from workflow_definitions"))
    assert catalog.get("t1", "plant", "hello", "1.0.0") is read
    assert catalog.by_hash("t1", published.hash) is read
    with pytest.raises(NotFoundError):
        catalog.get("t2", "plant", "hello", "1.0.0")


def test_what_another_process_publishes_is_the_newest_at_once(database: Database) -> None:
    here, elsewhere = Catalog(database), Catalog(database)
    here.publish(somebody("t1"), definition(version="1.0.0"))
    assert here.get("t1", "plant", "hello").version == "1.0.0"
    elsewhere.publish(somebody("t1"), definition(version="1.0.1"))
    assert here.get("t1", "plant", "hello").version == "1.0.1"


@pytest.mark.parametrize("name", ["a\x00b", "\x00", "a\nb"])
def test_a_name_that_no_table_could_hold_is_not_found(database: Database, name: str) -> None:
    catalog = Catalog(database)
    for look in (
        lambda: catalog.get("t1", "plant", name),
        lambda: catalog.get("t1", "plant", "hello", name),
        lambda: catalog.versions("t1", name, "hello"),
        lambda: catalog.by_hash("t1", name),
    ):
        with pytest.raises(NotFoundError):
            look()


def test_a_listing_can_be_narrowed_to_a_namespace(database: Database) -> None:
    catalog = Catalog(database)
    catalog.publish(somebody("t1"), definition())
    catalog.publish(somebody("t1"), definition().replace("plant", "other"))
    assert [item.namespace for item in catalog.list("t1", namespace="other").items] == ["other"]
    assert catalog.list("t1", namespace="none").items == []
