"""Publishing what uses things elsewhere: from a real server, into a real database."""

from typing import Any

import pytest

from foundation.database import Database
from tests.catalog.publications import CALLS, FUNCTION, HEAD, WHERE, has, refused, somebody
from tests.fixtures.plant import HOST, Plant
from workflows.catalog import Catalog
from workflows.catalog.fetching import MAX_BYTES
from workflows.catalog.publishing import Publisher
from workflows.definition import InvalidDefinitionError

pytestmark = pytest.mark.anyio


async def test_a_function_of_a_catalogue_is_fetched_and_kept(
    publisher: Publisher, plant: Plant, database: Database
) -> None:
    has(plant, WHERE, FUNCTION)
    published = await publisher.publish(somebody(), CALLS.encode())
    use: Any = published.document["use"]
    assert use["functions"]["log:1.0.0@global"]["set"] == {"said": "${ .message }"}
    (origin,) = Catalog(database).get("t1", "plant", "caller").origins
    assert (origin.name, origin.address) == ("log:1.0.0@global", f"http://{HOST}{WHERE}")
    assert len(origin.sha256) == 64


async def test_the_same_text_again_is_the_same_version_whatever_the_catalogue_says_by_now(
    publisher: Publisher, plant: Plant
) -> None:
    has(plant, WHERE, FUNCTION)
    first = await publisher.publish(somebody(), CALLS.encode())
    has(plant, WHERE, "set: { said: nothing }")
    again = await publisher.publish(somebody(), CALLS.encode() + b"# a comment\n")
    assert (again.created, again.hash) == (False, first.hash)
    assert len(plant.asked_at(WHERE)) == 1


async def test_the_upstream_example_of_an_address_is_published(
    publisher: Publisher, plant: Plant
) -> None:
    path = "/serverlessworkflow/catalog/main/functions/log/1.0.0/function.yaml"
    has(plant, path, FUNCTION)
    call = f"https://raw.githubusercontent.com{path}"
    text = HEAD + f"do: [ {{ say: {{ call: '{call}', with: {{ message: hello }} }} }} ]\n"
    published = await publisher.publish(somebody(), text.encode())
    assert published.created


async def test_a_branch_and_then_a_tag_are_tried(publisher: Publisher, plant: Plant) -> None:
    for kind in ("heads", "tags"):
        plant.answers[f"/a/b/refs/{kind}/v1{WHERE}"] = [{"status": 404}]
    has(plant, f"/a/b/refs/tags/v1{WHERE}", FUNCTION)
    text = CALLS.replace(f"http://{HOST}", "https://github.com/a/b/tree/v1")
    published = await publisher.publish(somebody(), text.encode())
    assert "/refs/tags/v1/" in published.origins[0].address


async def test_a_schema_is_fetched_too(publisher: Publisher, plant: Plant) -> None:
    has(plant, "/order.yaml", "type: object\nrequired: [ id ]\n")
    where = f"{{ resource: {{ endpoint: 'http://{HOST}/order.yaml' }} }}"
    text = HEAD + f"input: {{ schema: {where} }}\ndo: []\n"
    published = await publisher.publish(somebody(), text.encode())
    assert published.document["input"] == {
        "schema": {"document": {"type": "object", "required": ["id"]}}
    }


@pytest.mark.parametrize(
    ("answer", "code", "message"),
    [
        ({"status": 404}, "unknown-function", "There is no function 'log:1.0.0@global'"),
        ({"status": 500}, "elsewhere", "answered 500"),
        ({"status": 302, "headers": {"location": "/x"}}, "elsewhere", "answered 302"),
        ({"text": "a: [\n"}, "elsewhere", "cannot be read (line 2)"),
        ({"text": "x" * (MAX_BYTES + 1)}, "elsewhere", "bytes"),
        ({"text": "[" * 100}, "elsewhere", "cannot be read"),
        ({"text": "- 1"}, "wrong-type", "cannot be used"),
        ({"text": "sett: { a: 1 }"}, "task-kind", "cannot be used"),
    ],
)
async def test_what_cannot_be_had_is_reported_where_it_is_asked_for(
    publisher: Publisher, plant: Plant, answer: dict[str, Any], code: str, message: str
) -> None:
    plant.answers[WHERE] = [answer]
    finding = await refused(publisher, CALLS)
    assert (finding.code, finding.pointer) == (code, "/do/0/say/call")
    assert message in finding.message


async def test_an_address_inside_is_not_asked(publisher: Publisher) -> None:
    text = CALLS.replace(HOST, "10.1.2.3")
    finding = await refused(publisher, text)
    assert finding.code == "elsewhere"
    assert "not on the public internet" in finding.message


async def codes(publisher: Publisher, text: str) -> list[tuple[str, str]]:
    """Publish, and check: what is wrong is the same, and where."""
    with pytest.raises(InvalidDefinitionError) as error:
        await publisher.publish(somebody(), text.encode())
    assert await publisher.validate(somebody(), text.encode()) == list(error.value.findings)
    return [(str(each.code), each.pointer) for each in error.value.findings]


async def test_nothing_is_fetched_for_what_is_refused_anyway(
    publisher: Publisher, plant: Plant
) -> None:
    has(plant, WHERE, FUNCTION)
    text = CALLS.replace(" ]\n", ", { b: { set: { x: '${ $nope }' } } } ]\n")
    # It says of what is elsewhere that nobody has looked.
    assert await codes(publisher, text) == [
        ("not-fetched", "/do/0/say/call"),
        ("unknown-variable", "/do/1/b/set/x"),
    ]
    assert plant.asked == []
    assert (await publisher.publish(somebody(), text.replace("$nope", "$input").encode())).created


async def test_what_the_own_catalogue_does_not_have_is_told_together_with_other_errors(
    publisher: Publisher, plant: Plant
) -> None:
    has(plant, WHERE, FUNCTION)
    me = somebody()
    call = "{ method: get, endpoint: 'https://e.com', headers: { X-Key: '${ $secrets.erp }' } }"
    await publisher.publish_function(me, "ask", "1.0.0", f"call: http\nwith: {call}".encode())
    own = [f"{{ {name}: {{ call: '{name}:1.0.0@default' }} }}" for name in ("ask", "gone")]
    more = ", ".join([*own, "{ c: { set: { x: '${ $nope }' } } }"])
    text = CALLS.replace(" ]\n", f", {more} ]\n")
    assert await codes(publisher, text) == [
        ("not-fetched", "/do/0/say/call"),
        ("unknown-reference", "/do/1/ask/call"),
        ("unknown-function", "/do/2/gone/call"),
        ("unknown-variable", "/do/3/c/set/x"),
    ]
    assert plant.asked == []


async def test_all_that_cannot_be_had_is_told_together_and_no_more_is_fetched(
    publisher: Publisher, plant: Plant
) -> None:
    emits = "{ emit: { event: { with: { source: 'https://e.example', type: a.b } } } }"
    has(plant, WHERE, f"do: [ {{ a: {{ call: 'log:1.0.1@global' }} }}, {{ b: {emits} }} ]")
    gone = "/functions/gone/1.0.0/function.yaml"
    plant.answers[gone] = [{"status": 404}]
    text = CALLS.replace(" ]\n", ", { b: { call: 'gone:1.0.0@global' } } ]\n")
    assert await codes(publisher, text) == [
        ("elsewhere", "/do/0/say/call"),
        ("not-fetched", "/do/0/say/call"),
        ("unknown-function", "/do/1/b/call"),
    ]
    assert {each.path for each in plant.asked} == {WHERE, gone}


async def test_nothing_is_fetched_for_a_function_that_is_refused_anyway(
    publisher: Publisher, plant: Plant
) -> None:
    has(plant, WHERE, FUNCTION)
    schema = f"{{ schema: {{ resource: {{ endpoint: 'http://{HOST}{WHERE}' }} }} }}"
    text = f"input: {schema}\nset: {{ x: '${{ $nope }}' }}\n"
    with pytest.raises(InvalidDefinitionError) as error:
        await publisher.publish_function(somebody(), "log", "1.0.0", text.encode())
    assert [each.code for each in error.value.findings] == ["not-fetched", "unknown-variable"]
    assert plant.asked == []


async def test_functions_that_call_ever_new_functions_are_given_up(
    publisher: Publisher, plant: Plant
) -> None:
    for number in range(60):
        call = f"log:1.0.{number + 1}@global"
        has(plant, f"/functions/log/1.0.{number}/function.yaml", f"call: '{call}'\n")
    with pytest.raises(InvalidDefinitionError):
        await publisher.publish(somebody(), CALLS.encode())
    assert len(plant.asked) <= 21


async def test_everything_together_has_one_deadline(
    publisher: Publisher, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workflows.catalog.fetching.ALL_S", 1.0)
    for number in range(10):
        call = f"log:1.0.{number + 1}@global"
        has(plant, f"/functions/log/1.0.{number}/function.yaml", f"call: '{call}'\n", delay_s=0.4)
    finding = await refused(publisher, CALLS)
    assert "everything together took over" in finding.message
    assert len(plant.asked) < 5


async def test_who_may_only_read_has_nothing_fetched_by_checking(
    publisher: Publisher, plant: Plant
) -> None:
    (found,) = await publisher.validate(
        somebody("t1", frozenset({"workflow:read"})), CALLS.encode()
    )
    assert (found.code, plant.asked) == ("not-fetched", [])
    has(plant, WHERE, FUNCTION)
    assert await publisher.validate(somebody(), CALLS.encode()) == []
