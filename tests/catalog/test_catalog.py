import pytest

from foundation.database import Database
from foundation.errors import ConflictError, InvalidInputError, NotFoundError
from security.principal import Principal
from workflows.catalog import Catalog
from workflows.catalog.versions import precedence


def definition(name: str = "hello", version: str = "1.0.0", value: int = 1) -> str:
    return f"""
document: {{ dsl: '1.0.3', namespace: plant, name: {name}, version: '{version}' }}
do: [ {{ one: {{ set: {{ a: {value} }} }} }} ]
"""


def somebody(tenant: str) -> Principal:
    return Principal(tenant, "u1", "a@b.example", frozenset(), frozenset())


@pytest.fixture
def catalog(database: Database) -> Catalog:
    return Catalog(database)


def test_versions_sort_as_semver_says() -> None:
    ordered = [
        *("0.9.0", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-alpha-b"),
        *("1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0"),
        *("1.0.2", "1.0.10", "1.2.0", "1.10.0", "2.0.0-0", "2.0.0", "10.0.0"),
    ]
    assert sorted(set(ordered), key=precedence) == ordered


def test_the_newest_version_is_the_highest_release(catalog: Catalog) -> None:
    me = somebody("t1")
    for version in ("1.10.0", "1.9.0", "2.0.0-rc.1", "1.2.0"):
        catalog.publish(me, definition(version=version))
    assert catalog.get("t1", "plant", "hello").version == "1.10.0"
    listed = catalog.versions("t1", "plant", "hello").items
    assert [row.version for row in listed] == ["2.0.0-rc.1", "1.10.0", "1.9.0", "1.2.0"]


def test_a_prerelease_is_the_newest_while_there_is_nothing_else(catalog: Catalog) -> None:
    catalog.publish(somebody("t1"), definition(version="1.0.0-beta"))
    assert catalog.get("t1", "plant", "hello").version == "1.0.0-beta"


def test_publishing_the_same_content_again_changes_nothing(catalog: Catalog) -> None:
    first = catalog.publish(somebody("t1"), definition())
    second = catalog.publish(somebody("t1"), definition() + "# a comment\n")
    assert (first.created, second.created) == (True, False)
    assert second.published_at == first.published_at


def test_a_published_version_never_changes(catalog: Catalog) -> None:
    catalog.publish(somebody("t1"), definition(value=1))
    with pytest.raises(ConflictError, match=r"Raise document\.version"):
        catalog.publish(somebody("t1"), definition(value=2))
    assert catalog.get("t1", "plant", "hello", "1.0.0").document["do"] == [
        {"one": {"set": {"a": 1}}}
    ]


def test_another_tenant_sees_nothing(catalog: Catalog) -> None:
    published = catalog.publish(somebody("t1"), definition())
    for look in (
        lambda: catalog.get("t2", "plant", "hello"),
        lambda: catalog.get("t2", "plant", "hello", "1.0.0"),
        lambda: catalog.by_hash("t2", published.hash),
        lambda: catalog.versions("t2", "plant", "hello"),
    ):
        with pytest.raises(NotFoundError):
            look()
    assert catalog.list("t2").items == []


def test_a_missing_version_names_those_there_are(catalog: Catalog) -> None:
    catalog.publish(somebody("t1"), definition())
    with pytest.raises(NotFoundError, match=r"It has: 1\.0\.0"):
        catalog.get("t1", "plant", "hello", "9.9.9")
    with pytest.raises(NotFoundError, match="plant/hello"):
        catalog.get("t1", "plant", "helo")


def test_pages_go_through_all_definitions_in_order(catalog: Catalog) -> None:
    for name in ("delta", "alpha", "charlie", "Bravo", "echo"):
        catalog.publish(somebody("t1"), definition(name=name))
    seen: list[str] = []
    token = None
    while True:
        page = catalog.list("t1", page_size=2, page_token=token)
        seen += [item.name for item in page.items]
        token = page.next_page_token
        if token is None:
            break
    assert seen == ["Bravo", "alpha", "charlie", "delta", "echo"]


@pytest.mark.parametrize("token", ["x", "W10", "WyJhIl0", "////", "bnVsbA"])
def test_a_page_token_that_is_none_of_ours_is_refused(catalog: Catalog, token: str) -> None:
    with pytest.raises(InvalidInputError):
        catalog.list("t1", page_token=token)
