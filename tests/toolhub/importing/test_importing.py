"""Importing a server.json: what is registered, what is asked for; again, nothing changes."""

from typing import Any

import pytest
from sqlalchemy import text

from foundation.database import Database
from foundation.errors import MillwrightError
from tests.toolhub.importing.conftest import Importing, document
from tests.toolhub.servers import Seen
from toolhub.errors import (
    ProgramsForbiddenError,
    RegistrationError,
    ServerExistsError,
    ServerNotAllowedError,
    UnknownServerError,
)
from toolhub.importing.types import ImportOutcome, State
from toolhub.schemas import CallTool, ServerChange, ServerRegistration
from toolhub.wiring import ToolhubParts

pytestmark = pytest.mark.anyio
KEY = "sk-0123456789"


def sheets(good: str, **more: Any) -> dict[str, Any]:
    """Return what the server of the tests needs to be imported as the sheets."""
    values = {"base_url": good.removesuffix("/mcp"), **more.pop("values", {})}
    return {"values": values, "secrets": {"X-Api-Key": KEY}, **more}


async def test_an_address_is_registered_with_its_headers(
    importing: Importing, parts: ToolhubParts, good: str, good_seen: Seen
) -> None:
    found = await importing(document("sheets"), **sheets(good))
    assert found.outcome is ImportOutcome.REGISTERED
    server = parts.registry.get("press", "sheet-server")
    assert server == found.server
    assert (server.url, server.tool_count, server.headers) == (good, 6, {"X-Plant": "changwon"})
    assert server.credential.model_dump(exclude_none=True) == {
        "kind": "header",
        "header": "X-Api-Key",
    }
    assert server.imported is not None
    assert (server.imported.name, server.imported.version) == (
        "com.example.sheets/Sheet-Server",
        "1.4.0",
    )
    good_seen.clear()
    call = CallTool(
        tenant_id="press", server="sheet-server", tool="greet", arguments={"name": "Kim"}
    )
    assert (await parts.hub.call(call)).value == "Hello, Kim!"
    sent = good_seen.headers[-1]
    assert (sent["x-api-key"], sent["x-plant"]) == (KEY, "changwon")
    assert "x-trace" not in sent


async def test_a_header_that_is_no_secret_is_not_hidden_in_answers(
    importing: Importing, parts: ToolhubParts, good: str
) -> None:
    await importing(document("sheets"), **sheets(good))
    call = CallTool(
        tenant_id="press", server="sheet-server", tool="greet", arguments={"name": "changwon"}
    )
    assert (await parts.hub.call(call)).value == "Hello, changwon!"


async def test_the_secret_is_shown_and_stored_nowhere(
    importing: Importing, good: str, database: Database
) -> None:
    found = await importing(document("sheets"), **sheets(good))
    assert KEY not in found.model_dump_json()
    with database.session() as session:
        rows = session.execute(text("select s::text from mcp_servers s")).scalars().all()
    assert len(rows) == 1
    assert KEY not in rows[0]


async def test_the_same_again_changes_nothing(
    importing: Importing, good: str, good_seen: Seen
) -> None:
    first = await importing(document("sheets"), **sheets(good))
    good_seen.clear()
    again = await importing(document("sheets"), **sheets(good))
    without = await importing(document("sheets"))  # what was given before is kept
    for found in (again, without):
        assert found.outcome is ImportOutcome.UNCHANGED
        assert found.server == first.server
    assert good_seen.methods == []


async def test_a_new_version_updates_and_keeps_what_was_given(
    importing: Importing, parts: ToolhubParts, good: str
) -> None:
    first = await importing(document("sheets"), **sheets(good, values={"X-Plant": "ulsan"}))
    newer = {**document("sheets"), "version": "1.5.0", "description": "Cells, and more"}
    found = await importing(newer)
    assert found.outcome is ImportOutcome.UPDATED
    assert found.server.id == first.server.id
    assert found.server.headers == {"X-Plant": "ulsan"}
    assert found.server.imported.version == "1.5.0"
    assert parts.registry.credential_headers("press", "sheet-server") == {"X-Api-Key": KEY}


async def test_another_secret_updates(importing: Importing, parts: ToolhubParts, good: str) -> None:
    await importing(document("sheets"), **sheets(good))
    found = await importing(document("sheets"), secrets={"X-Api-Key": "another"})
    assert found.outcome is ImportOutcome.UPDATED
    held = parts.registry.credential_headers("press", "sheet-server")
    assert held == {"X-Api-Key": "another"}


async def test_a_stored_secret_goes_to_no_other_address(
    importing: Importing, good: str, legacy: str
) -> None:
    await importing(document("sheets"), **sheets(good))
    with pytest.raises(RegistrationError, match=r"needs 'X-Api-Key' \(secret\)"):
        await importing(document("sheets"), values={"base_url": legacy.removesuffix("/mcp")})


async def test_a_trial_shows_what_would_be_and_what_is_missing(
    importing: Importing, parts: ToolhubParts
) -> None:
    found = await importing(document("sheets"), dry_run=True, values={"X-Trace": "a"})
    assert (found.outcome, found.dry_run, found.server) == ("registered", True, None)
    assert found.plan.missing == ["base_url", "X-Api-Key"]
    assert {one.name: (one.state, one.secret) for one in found.plan.inputs} == {
        "base_url": (State.MISSING, False),
        "X-Api-Key": (State.MISSING, True),
        "X-Plant": (State.DEFAULT, False),
        "X-Trace": (State.GIVEN, False),
    }
    with pytest.raises(UnknownServerError):
        parts.registry.get("press", "sheet-server")


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"secrets": {}}, r"needs 'X-Api-Key' \(secret\)"),
        ({"values": {"X-Plant": "mars"}}, "'mars' is none of the choices of 'X-Plant'"),
        ({"values": {"X-Api-Key": "k"}}, "'X-Api-Key' is a secret: give it in 'secrets'"),
        ({"values": {"X-Plan": "ulsan"}}, "Did you mean 'X-Plant'"),
        ({"values": {"X-Trace": ["a", "b"]}}, "'X-Trace' takes one value"),
        ({"choose": "remotes/1"}, "no 'remotes/1' in the document"),
    ],
)
async def test_what_does_not_fit_is_refused_and_nothing_is_stored(
    importing: Importing, parts: ToolhubParts, good: str, more: dict[str, Any], reason: str
) -> None:
    with pytest.raises(RegistrationError, match=reason):
        await importing(document("sheets"), **sheets(good, **more))
    assert parts.registry.list_servers("press").items == []


async def test_a_server_that_does_not_answer_is_not_registered(
    importing: Importing, parts: ToolhubParts
) -> None:
    with pytest.raises(MillwrightError):
        await importing(document("sheets"), **sheets("http://127.0.0.1:9/mcp"))
    assert parts.registry.list_servers("press").items == []


async def test_a_template_is_filled_and_hidden_where_one_part_is_secret(
    importing: Importing, parts: ToolhubParts
) -> None:
    given = {"secrets": {"token": "t0k3n"}, "discover": False}
    found = await importing(document("tickets"), **given)
    assert found.server.url == "https://press.tickets.example.com/mcp"
    held = parts.registry.credential_headers("press", "tickets")
    assert held == {"Authorization": "Bearer t0k3n"}
    assert found.plan.notes == ["The registry says that this server is deprecated."]


async def test_several_secret_headers_are_one_credential(
    importing: Importing, parts: ToolhubParts, good: str, good_seen: Seen
) -> None:
    given = document("sheets")
    # Its publisher did not say so, and it is one all the same.
    given["remotes"][0]["headers"].append({"name": "X-Session-Token", "isRequired": True})
    secrets = {"X-Api-Key": KEY, "X-Session-Token": "s-4711"}
    found = await importing(given, **sheets(good, secrets=secrets))
    assert found.server.credential.kind == "headers"
    assert parts.registry.credential_headers("press", "sheet-server") == secrets
    assert good_seen.headers[-1]["x-session-token"] == "s-4711"


async def test_a_secret_that_the_document_has_is_taken_anew_and_one_that_was_given_is_kept(
    importing: Importing, parts: ToolhubParts, good: str
) -> None:
    given = document("sheets")
    fixed = {"name": "X-Publisher-Key", "value": "first", "isSecret": True}
    given["remotes"][0]["headers"] += [fixed, {"name": "X-Token", "default": "none"}]
    secrets = {"X-Api-Key": KEY, "X-Token": "t-4711"}
    await importing(given, **sheets(good, secrets=secrets))
    assert (await importing(given)).outcome is ImportOutcome.UNCHANGED
    fixed["value"] = "second"
    assert (await importing(given)).outcome is ImportOutcome.UPDATED
    held = parts.registry.credential_headers("press", "sheet-server")
    assert held == {**secrets, "X-Publisher-Key": "second"}


def with_optional(*names: str) -> dict[str, Any]:
    """Return the sheets with headers more, of which none is required."""
    given = document("sheets")
    given["remotes"][0]["headers"] += [{"name": name} for name in names]
    return given


async def test_a_header_that_was_given_as_a_secret_stays_one(
    importing: Importing, parts: ToolhubParts, good: str
) -> None:
    secrets = {"X-Api-Key": KEY, "X-Org": "o-1"}
    await importing(with_optional("X-Org"), **sheets(good, secrets=secrets))
    found = await importing(with_optional("X-Org"))
    assert (found.outcome, found.plan.notes) == (ImportOutcome.UNCHANGED, [])
    assert parts.registry.credential_headers("press", "sheet-server") == secrets


async def test_one_secret_given_anew_leaves_the_others(
    importing: Importing, parts: ToolhubParts, good: str
) -> None:
    secrets = {"X-Api-Key": KEY, "X-Token": "t-1"}
    await importing(with_optional("X-Token"), **sheets(good, secrets=secrets))
    found = await importing(with_optional("X-Token"), secrets={"X-Token": "t-2"})
    assert found.outcome is ImportOutcome.UPDATED
    held = parts.registry.credential_headers("press", "sheet-server")
    assert held == {"X-Api-Key": KEY, "X-Token": "t-2"}


async def test_only_a_secret_that_the_document_no_longer_has_is_dropped_and_noted(
    importing: Importing, parts: ToolhubParts, good: str
) -> None:
    secrets = {"X-Api-Key": KEY, "X-Token": "t-1", "Authorization": "a-1"}
    await importing(with_optional("X-Token", "Authorization"), **sheets(good, secrets=secrets))
    found = await importing(with_optional("Authorization"))
    assert found.plan.notes == [
        "The secret header 'X-Token' is dropped: the document no longer has it."
    ]
    del secrets["X-Token"]
    assert parts.registry.credential_headers("press", "sheet-server") == secrets


async def test_a_secret_that_is_dropped_for_another_address_is_noted(
    importing: Importing, good: str, legacy: str
) -> None:
    secrets = {"X-Api-Key": KEY, "X-Token": "t-1"}
    await importing(with_optional("X-Token"), **sheets(good, secrets=secrets))
    found = await importing(with_optional("X-Token"), **sheets(legacy), dry_run=True)
    assert found.plan.secret_headers == ["X-Api-Key"]
    assert "'X-Token' is dropped: it was given for another address" in found.plan.notes[0]


async def test_a_part_of_a_secret_of_several_parts_asks_for_the_others(
    importing: Importing, parts: ToolhubParts, good: str
) -> None:
    given = document("sheets")
    header = {"name": "X-Login", "value": "{a}:{b}", "variables": {"a": {}, "b": {}}}
    given["remotes"][0]["headers"].append({**header, "isSecret": True})
    secrets = {"X-Api-Key": KEY, "a": "a-1", "b": "b-1"}
    await importing(given, **sheets(good, secrets=secrets))
    with pytest.raises(RegistrationError, match=r"needs '[ab]' \(secret\)"):
        await importing(given, secrets={"a": "a-2"})
    with pytest.raises(RegistrationError, match=r"needs '[ab]' \(secret\)"):
        await importing(given, secrets={"b": "b-2"})
    held = parts.registry.credential_headers("press", "sheet-server")
    assert held == {"X-Api-Key": KEY, "X-Login": "a-1:b-1"}


async def test_a_credential_that_somebody_has_chosen_since_stays(
    importing: Importing, parts: ToolhubParts, good: str
) -> None:
    await importing(document("sheets"), **sheets(good))
    chosen = {"credential": {"kind": "bearer", "token": "by-hand"}}
    await parts.registry.update("press", "sheet-server", ServerChange.model_validate(chosen))
    found = await importing({**document("sheets"), "version": "1.5.0"})
    assert (found.outcome, found.plan.missing) == (ImportOutcome.UPDATED, [])
    assert found.server.credential.kind == "bearer"
    held = parts.registry.credential_headers("press", "sheet-server")
    assert held == {"Authorization": "Bearer by-hand"}


async def test_what_is_shown_is_given_as_no_secret(importing: Importing, good: str) -> None:
    secrets = {"X-Api-Key": KEY, "base_url": good}
    with pytest.raises(RegistrationError, match="part of the address, which is shown"):
        await importing(document("sheets"), secrets=secrets)
    with pytest.raises(RegistrationError, match="part of the argument --zone, which is shown"):
        await importing(document("clock"), secrets={"--zone": "kst"})


async def test_an_address_with_a_secret_in_it_is_refused(importing: Importing) -> None:
    given = document("tickets")
    given["server"]["remotes"][1]["variables"]["org"]["isSecret"] = True
    with pytest.raises(RegistrationError, match="has a secret in it"):
        await importing(given)


@pytest.mark.parametrize(
    ("address", "variable"),
    [
        ("https://tickets.example.com/mcp?api_key={api_key}", "api_key"),
        ("https://tickets.example.com/{token}/mcp", "token"),
        ("https://tickets.example.com/mcp?a=b&access-token=v1.{mine}", "mine"),
    ],
)
async def test_an_address_is_refused_that_has_what_is_called_like_a_secret(
    importing: Importing, address: str, variable: str
) -> None:
    given = document("tickets")
    given["server"]["remotes"][1].update(url=address, variables={variable: {}})
    with pytest.raises(RegistrationError, match=f"has a secret in it, '{variable}'"):
        await importing(given, values={variable: "s"}, secrets={"token": "t"}, discover=False)


async def test_a_choice_that_the_document_lists_is_no_secret(importing: Importing) -> None:
    given = document("tickets")
    remote = given["server"]["remotes"][1]
    remote["url"] = "https://tickets.example.com/mcp?auth={auth}"
    remote["variables"] = {"auth": {"choices": ["a", "b"]}}
    found = await importing(given, values={"auth": "b"}, secrets={"token": "t"}, discover=False)
    assert found.server.url == "https://tickets.example.com/mcp?auth=b"


async def test_a_header_is_secret_when_a_variable_of_it_is_called_like_a_secret(
    importing: Importing, parts: ToolhubParts, good: str
) -> None:
    given = document("sheets")
    header = {"name": "X-Ctx", "value": "v1 {api_token}", "variables": {"api_token": {}}}
    given["remotes"][0]["headers"].append(header)
    with pytest.raises(RegistrationError, match="'api_token' is a secret: give it in 'secrets'"):
        await importing(given, **sheets(good, values={"api_token": "s"}))
    secrets = {"X-Api-Key": KEY, "api_token": "s-4711"}
    found = await importing(given, **sheets(good, secrets=secrets))
    assert "s-4711" not in found.model_dump_json()
    held = parts.registry.credential_headers("press", "sheet-server")
    assert held == {"X-Api-Key": KEY, "X-Ctx": "v1 s-4711"}


@pytest.mark.parametrize(
    "argument",
    [
        {"type": "named", "name": "--api-key"},
        {"type": "positional", "valueHint": "access_token"},
        {"type": "positional", "value": "u:{password}", "variables": {"password": {}}},
        {"type": "named", "name": "--token", "value": "{mine}", "variables": {"mine": {}}},
    ],
)
async def test_an_argument_that_is_called_like_a_secret_is_refused(
    importing: Importing, argument: dict[str, Any]
) -> None:
    given = document("clock")
    given["packages"][0]["packageArguments"].append(argument)
    with pytest.raises(RegistrationError, match="of this program is a secret"):
        await importing(given)


async def test_an_address_with_a_variable_that_nobody_explains_is_refused(
    importing: Importing,
) -> None:
    given = document("tickets")
    del given["server"]["remotes"][1]["variables"]
    with pytest.raises(RegistrationError, match=r"has '\{org\}' in it"):
        await importing(given, secrets={"token": "t"})


async def test_sse_is_refused_by_its_name(importing: Importing) -> None:
    with pytest.raises(RegistrationError, match="the transport 'sse' left the protocol"):
        await importing(document("pager"))


async def test_which_of_several_has_to_be_said(importing: Importing) -> None:
    given = document("tickets")
    given["server"]["remotes"][0] = {**given["server"]["remotes"][1], "variables": {"org": {}}}
    with pytest.raises(RegistrationError, match=r"say which in 'choose'.*remotes/0.*remotes/1"):
        await importing(given)
    found = await importing(given, choose="remotes/1", secrets={"token": "t"}, discover=False)
    assert found.server.imported.choose == "remotes/1"


async def test_a_server_of_the_same_name_that_is_another_one_stays(
    importing: Importing, parts: ToolhubParts, good: str
) -> None:
    await parts.registry.register("press", ServerRegistration(name="sheet-server", url=good))
    with pytest.raises(ServerExistsError, match="under another 'name'"):
        await importing(document("sheets"), **sheets(good))
    found = await importing(document("sheets"), **sheets(good, name="cells"))
    assert (found.outcome, found.server.name) == ("registered", "cells")


async def test_a_package_is_the_command_that_is_listed_for_it(importing: Importing) -> None:
    found = await importing(document("clock"), values={"plant": ["ulsan", "asan"]})
    server = found.server
    assert (server.dialect, server.url, server.tool_count) == ("stdio", "stdio:clock-9", 19)
    assert server.arguments == ["--zone=utc", "ulsan", "asan", "--quick"]
    again = await importing(document("clock"))
    assert (again.outcome, again.server) == ("unchanged", server)
    changed = await importing(document("clock"), values={"--zone": "kst"})
    assert changed.outcome is ImportOutcome.UPDATED
    assert changed.server.arguments == ["--zone=kst", "ulsan", "asan", "--quick"]


async def test_a_package_is_for_who_may_register_programs(
    importing: Importing, parts: ToolhubParts
) -> None:
    with pytest.raises(ProgramsForbiddenError, match="'mcp:programs'"):
        await importing(document("clock"), may_programs=False)
    with pytest.raises(UnknownServerError):
        parts.registry.get("press", "clock")


async def test_an_argument_that_the_list_does_not_allow_is_refused(importing: Importing) -> None:
    with pytest.raises(ServerNotAllowedError, match="does not take the argument '/etc'"):
        await importing(document("clock"), values={"plant": ["/etc"]})


async def test_another_version_of_a_package_is_not_the_listed_one(importing: Importing) -> None:
    given = document("clock")
    given["packages"][0]["version"] = "1.0.0"
    with pytest.raises(ServerNotAllowedError, match=r'"packages": \["pypi:clock-server@1\.0\.0"\]'):
        await importing(given)


async def test_a_variable_that_the_command_lacks_is_named(importing: Importing) -> None:
    given = document("clock")
    given["packages"][0]["environmentVariables"][1]["isRequired"] = True
    with pytest.raises(ServerNotAllowedError, match="lacks the environment variables LOG_LEVEL"):
        await importing(given)


async def test_packages_of_which_none_is_listed_are_refused_with_the_reasons(
    importing: Importing,
) -> None:
    with pytest.raises(RegistrationError) as caught:
        await importing(document("drawings"), values={"folder": ["a"]})
    for reason in (
        '"npm:@example/drawings@3.1.0"',
        '"oci:ghcr.example.com/drawings:3.1.0"',
        "speaks 'streamable-http' at an address of its own",
    ):
        assert reason in caught.value.message


async def test_tenants_import_for_themselves(
    importing: Importing, parts: ToolhubParts, good: str
) -> None:
    await importing(document("sheets"), **sheets(good))
    with pytest.raises(UnknownServerError):
        parts.registry.get("mill", "sheet-server")
