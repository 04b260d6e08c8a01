"""The tenant's own catalogue of functions."""

from typing import Any

import pytest

from foundation.errors import ConflictError, NotFoundError
from tests.catalog.publications import CALLS, FUNCTION, OWN, WHERE, has, refused, somebody
from tests.fixtures.plant import Plant
from workflows.catalog.functions.service import Functions
from workflows.catalog.publishing import Publisher
from workflows.definition import InvalidDefinitionError

pytestmark = pytest.mark.anyio


async def test_a_function_of_the_own_catalogue_is_called(publisher: Publisher) -> None:
    me = somebody()
    published = await publisher.publish_function(me, "log", "1.0.0", FUNCTION.encode())
    assert published.created
    workflow = await publisher.publish(me, OWN.encode())
    use: Any = workflow.document["use"]
    assert use["functions"]["log:1.0.0@default"]["set"] == {"said": "${ .message }"}
    assert workflow.origins[0].address == "default"


async def test_a_published_function_never_changes(publisher: Publisher) -> None:
    me = somebody()
    await publisher.publish_function(me, "log", "1.0.0", FUNCTION.encode())
    again = await publisher.publish_function(me, "log", "1.0.0", FUNCTION.encode() + b"# more\n")
    assert not again.created
    with pytest.raises(ConflictError, match="next version"):
        await publisher.publish_function(me, "log", "1.0.0", b"set: { a: 1 }")


async def test_another_tenant_has_another_catalogue(
    publisher: Publisher, functions: Functions
) -> None:
    await publisher.publish_function(somebody(), "log", "1.0.0", FUNCTION.encode())
    finding = await refused(publisher, OWN, somebody("t2"))
    assert finding.code == "unknown-function"
    assert "log:" not in finding.message
    with pytest.raises(NotFoundError):
        functions.get("t2", "log", "1.0.0")
    assert functions.list("t2").items == []


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("logg:1.0.0@default", "Did you mean 'log'?"),
        ("log:1.0.1@default", "It has: 1.0.0."),
        ("zzz:1.0.0@default", "There are: log."),
    ],
)
async def test_a_missing_function_names_the_nearest(
    publisher: Publisher, call: str, message: str
) -> None:
    await publisher.publish_function(somebody(), "log", "1.0.0", FUNCTION.encode())
    finding = await refused(publisher, OWN.replace("log:1.0.0@default", call))
    assert (finding.code, finding.pointer) == ("unknown-function", "/do/0/say/call")
    assert message in finding.message


async def test_a_declared_catalogue_may_take_the_place_of_the_own_one(
    publisher: Publisher, plant: Plant
) -> None:
    has(plant, WHERE, "set: { said: theirs }")
    await publisher.publish_function(somebody(), "log", "1.0.0", FUNCTION.encode())
    text = CALLS.replace("global", "default")
    published = await publisher.publish(somebody(), text.encode())
    use: Any = published.document["use"]
    assert use["functions"]["log:1.0.0@default"] == {"set": {"said": "theirs"}}


@pytest.mark.parametrize(
    ("text", "code", "pointer"),
    [
        ("sett: { a: 1 }", "task-kind", ""),
        ("set: { a: '${ $nope }' }", "unknown-variable", "/set/a"),
        ("- 1", "wrong-type", ""),
        ("call: helper", "unknown-function", "/call"),
        ("call: other:1.0.0@global", "unknown-reference", "/call"),
        ("call: other:1.0.0@default", "unknown-function", "/call"),
        ("call: log:1.0.0@default", "recursive-function", ""),
        ("{ do: [], timeout: slow }", "elsewhere", "/timeout"),
        ("run: { shell: { command: ls } }", "not-enabled", "/run/shell"),
    ],
)
async def test_a_function_is_judged_when_it_is_published(
    publisher: Publisher, text: str, code: str, pointer: str
) -> None:
    with pytest.raises(InvalidDefinitionError) as error:
        await publisher.publish_function(somebody(), "log", "1.0.0", text.encode())
    (finding,) = error.value.findings
    assert (finding.code, finding.pointer) == (code, pointer)


async def test_a_function_may_call_another_one_and_read_secrets(publisher: Publisher) -> None:
    me = somebody()
    call = "{ method: get, endpoint: 'https://e.com', headers: { X-Key: '${ $secrets.erp }' } }"
    await publisher.publish_function(me, "ask", "1.0.0", f"call: http\nwith: {call}".encode())
    await publisher.publish_function(me, "log", "1.0.0", b"call: ask:1.0.0@default")
    finding = await refused(publisher, OWN)
    assert (finding.code, "'erp'" in finding.message) == ("unknown-reference", True)
    declared = OWN.replace("do:", "use: { secrets: [erp] }\ndo:")
    assert (await publisher.publish(me, declared.encode())).created


async def test_functions_are_listed_by_name_and_version(
    publisher: Publisher, functions: Functions
) -> None:
    for name, version in (("b", "1.0.0"), ("a", "1.10.0"), ("a", "1.9.0"), ("a", "2.0.0-rc.1")):
        await publisher.publish_function(somebody(), name, version, FUNCTION.encode())
    page = functions.list("t1", page_size=1)
    assert [(each.name, each.version) for each in page.items] == [("a", "1.10.0")]
    rest = functions.list("t1", page_token=page.next_page_token)
    assert [each.name for each in rest.items] == ["b"]
    versions = functions.versions("t1", "a").items
    assert [each.version for each in versions] == ["2.0.0-rc.1", "1.10.0", "1.9.0"]
