"""Which documents are read, and how the others are refused: by name, and without their values."""

from typing import Any

import pytest

from foundation.errors import InvalidInputError
from tests.toolhub.importing.conftest import DOCUMENTS, document
from toolhub.importing.document import MAX_BYTES, REVISIONS, read_document

SCHEMA = "https://static.modelcontextprotocol.io/schemas/{}/server.schema.json"


@pytest.mark.parametrize("name", sorted(each.stem for each in DOCUMENTS.glob("*.json")))
def test_a_document_is_read(name: str) -> None:
    found, _ = read_document(document(name))
    assert found.name.lower().endswith(("-server", name))
    assert found.remotes or found.packages


@pytest.mark.parametrize("revision", REVISIONS)
def test_revisions_that_are_known_are_read(revision: str) -> None:
    given = {**document("pager"), "$schema": SCHEMA.format(revision)}
    assert read_document(given)[0].name == "com.example/pager"


@pytest.mark.parametrize("revision", ["2025-07-09", "2025-09-16", "2027-01-01", "draft"])
def test_a_revision_that_is_not_known_is_refused_by_its_name(revision: str) -> None:
    with pytest.raises(InvalidInputError, match=f"the revision '{revision}', which is not known"):
        read_document({**document("pager"), "$schema": SCHEMA.format(revision)})


def test_another_schema_is_refused_by_its_name() -> None:
    with pytest.raises(InvalidInputError, match=r"other\.example"):
        read_document({**document("pager"), "$schema": "https://other.example/schema.json"})


def test_what_a_registry_says_besides_is_told() -> None:
    assert read_document(document("tickets"))[1] == [
        "The registry says that this server is deprecated."
    ]


def test_what_a_registry_has_deleted_is_refused() -> None:
    given = document("tickets")
    given["_meta"]["io.modelcontextprotocol.registry/official"]["status"] = "deleted"
    with pytest.raises(InvalidInputError, match="has deleted this server"):
        read_document(given)


def deep(levels: int) -> Any:
    value: Any = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"name": "no-slash"}, "/name:"),
        ({"version": ""}, "/version:"),
        ({"description": None}, "/description:"),
        ({"remotes": [{"type": "streamable-http"}]}, "/remotes/0/url:"),
        ({"remotes": [{"type": "sse", "url": "https://x.example"}] * 33}, "at most 32 items"),
        ({"_meta": {"x": deep(40)}}, "more than 32 levels deep"),
        ({"_meta": {"x": "y" * MAX_BYTES}}, "more than 262,144 bytes"),
        ({"servers": []}, "a list of servers"),
    ],
)
def test_what_is_no_document_is_refused(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidInputError, match=reason):
        read_document({**document("pager"), **change})


def test_a_refusal_repeats_no_value() -> None:
    given = document("sheets")
    given["remotes"][0]["headers"][0]["value"] = "hidden\nvalue"
    with pytest.raises(InvalidInputError) as caught:
        read_document(given)
    assert "/remotes/0/headers/0/value" in caught.value.message
    assert "hidden" not in caught.value.message
