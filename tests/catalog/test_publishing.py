"""Publishing what uses things elsewhere: from a real server, into a real database."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from activities.logins import Authenticator
from foundation.database import Database
from foundation.errors import ConflictError, ForbiddenError, NotFoundError
from foundation.settings import EgressSettings, Settings
from security.egress import Egress
from security.features.service import Features
from security.principal import Principal
from security.sealing import Sealer
from security.secrets.service import Secrets
from tests.fixtures.plant import HOST, Plant
from workflows.catalog import Catalog
from workflows.catalog.fetching import MAX_BYTES, Fetcher
from workflows.catalog.functions.service import Functions
from workflows.catalog.publishing import Publisher
from workflows.definition import InvalidDefinitionError
from workflows.definition.findings import Finding
from workflows.secrets import SecretOpener, StoredSecrets

pytestmark = pytest.mark.anyio

HEAD = "document: { dsl: '1.0.3', namespace: plant, name: caller, version: '1.0.0' }\n"
WHERE = "/functions/log/1.0.0/function.yaml"
FUNCTION = "input: { schema: { document: { type: object } } }\nset: { said: '${ .message }' }\n"
CALLS = HEAD + (
    f"use: {{ catalogs: {{ global: {{ endpoint: 'http://{HOST}' }} }} }}\n"
    "do: [ { say: { call: 'log:1.0.0@global', with: { message: hello } } } ]\n"
)
OWN = HEAD + "do: [ { say: { call: 'log:1.0.0@default', with: { message: hello } } } ]\n"
ALL = frozenset({"workflow:create", "workflow:execute", "workflow:read"})


def somebody(tenant: str = "t1", permissions: frozenset[str] = ALL) -> Principal:
    return Principal(tenant, "u1", "a@b.example", frozenset(), permissions)


@pytest.fixture
def secrets(database: Database, settings: Settings) -> Secrets:
    return Secrets(database, Sealer.from_settings(settings.security))


@pytest.fixture
def functions(database: Database) -> Functions:
    return Functions(database)


@pytest.fixture
async def egress(plant: Plant) -> AsyncIterator[Egress]:
    hosts = {HOST: plant.url, "raw.githubusercontent.com": plant.url}
    egress = Egress(EgressSettings(host_map=hosts, allow_networks=["127.0.0.0/8"]))
    yield egress
    await egress.aclose()


@pytest.fixture
def publisher(
    database: Database, secrets: Secrets, functions: Functions, egress: Egress
) -> Publisher:
    opener = SecretOpener(StoredSecrets(secrets))
    fetcher = Fetcher(egress, functions, opener, Authenticator(egress))
    return Publisher(Catalog(database), functions, Features(database), fetcher)


def has(plant: Plant, path: str, text: str, **more: Any) -> None:
    plant.answers[path] = [{"text": text, "headers": {"content-type": "text/plain"}, **more}]


async def refused(publisher: Publisher, text: str, who: Principal | None = None) -> Finding:
    with pytest.raises(InvalidDefinitionError) as error:
        await publisher.publish(who or somebody(), text.encode())
    (finding,) = error.value.findings
    return finding


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


LOGIN = "{ bearer: { token: '${ $secrets.git }' } }"
LOGGED_IN = CALLS.replace(
    f"'http://{HOST}'", f"{{ uri: 'http://{HOST}', authentication: {LOGIN} }}"
).replace("use: {", "use: { secrets: [git],")


async def test_the_catalogue_is_asked_with_a_secret_that_nobody_gets_to_see(
    publisher: Publisher, plant: Plant, secrets: Secrets
) -> None:
    secrets.put("t1", "git", "top-secret-token", "me")
    has(plant, WHERE, FUNCTION)
    published = await publisher.publish(somebody(), LOGGED_IN.encode())
    (asked,) = plant.asked_at(WHERE)
    assert asked.headers["authorization"] == "Bearer top-secret-token"
    assert "top-secret" not in published.model_dump_json()


async def test_a_schema_of_an_own_function_is_asked_for_with_a_secret_that_the_function_reads(
    publisher: Publisher, plant: Plant, secrets: Secrets
) -> None:
    secrets.put("t1", "git", "top-secret-token", "me")
    has(plant, "/order.json", "{}")
    where = f"{{ uri: 'http://{HOST}/order.json', authentication: {LOGIN} }}"
    schema = f"{{ schema: {{ resource: {{ endpoint: {where} }} }} }}"
    function = f"input: {schema}\nset: {{ a: 1 }}\n".encode()
    may_not = somebody("t1", frozenset({"workflow:create"}))
    with pytest.raises(ForbiddenError):
        await publisher.publish_function(may_not, "log", "1.0.0", function)
    assert plant.asked == []
    await publisher.publish_function(somebody(), "log", "1.0.0", function)
    (asked,) = plant.asked_at("/order.json")
    assert asked.headers["authorization"] == "Bearer top-secret-token"


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


async def test_a_catalogue_that_repeats_the_secret_is_refused(
    publisher: Publisher, plant: Plant, secrets: Secrets
) -> None:
    secrets.put("t1", "git", "top-secret-token", "me")
    has(plant, WHERE, "set: { a: top-secret-token }")
    finding = await refused(publisher, LOGGED_IN)
    assert "repeats a secret" in finding.message
    assert "top-secret" not in finding.message


async def test_a_secret_that_is_not_there_is_named(publisher: Publisher) -> None:
    assert "'git'" in (await refused(publisher, LOGGED_IN)).message


async def test_who_may_not_run_what_uses_secrets_does_not_use_them_by_publishing(
    publisher: Publisher, plant: Plant, secrets: Secrets
) -> None:
    secrets.put("t1", "git", "top-secret-token", "me")
    with pytest.raises(ForbiddenError):
        await publisher.publish(somebody("t1", frozenset({"workflow:create"})), LOGGED_IN.encode())
    assert plant.asked == []


async def test_who_may_only_read_has_nothing_fetched_by_checking(
    publisher: Publisher, plant: Plant
) -> None:
    (found,) = await publisher.validate(
        somebody("t1", frozenset({"workflow:read"})), CALLS.encode()
    )
    assert (found.code, plant.asked) == ("not-fetched", [])
    has(plant, WHERE, FUNCTION)
    assert await publisher.validate(somebody(), CALLS.encode()) == []


# The tenant's own catalogue.


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
