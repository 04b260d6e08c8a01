"""Registering, changing and finding servers; what is stored and what is shown."""

import base64
import socket
from typing import Any

import pytest
from sqlalchemy import select, text

from foundation.database import Database
from foundation.errors import InvalidInputError
from tests.toolhub.servers import Seen
from toolhub import errors
from toolhub.hub import ToolHub
from toolhub.models import McpServer
from toolhub.registry import Registry
from toolhub.schemas import CallTool, ServerChange, ServerRegistration, ServerStatus

pytestmark = pytest.mark.anyio
TOKEN = "s3cr3t-t0k3n"
BEARER = {"kind": "bearer", "token": TOKEN}


def registration(url: str, name: str = "excel", **more: Any) -> ServerRegistration:
    return ServerRegistration.model_validate({"name": name, "url": url, **more})


def change(**fields: Any) -> ServerChange:
    return ServerChange.model_validate(fields)


async def test_a_registered_server_shows_what_it_is_and_what_it_offers(
    registry: Registry, good: str
) -> None:
    info = await registry.register("press", registration(good, credential=BEARER))
    assert registry.get("press", "excel") == info
    assert info.status is ServerStatus.READY
    assert info.tool_count == 6
    assert info.protocol == {
        "version": "2026-07-28",
        "server_name": "good",
        "server_version": info.protocol["server_version"] if info.protocol else None,
    }
    assert info.credential.model_dump(exclude_none=True) == {
        "kind": "bearer",
        "header": "Authorization",
    }
    tool = registry.get_tool("press", "excel", "add")
    assert tool.input_schema["required"] == ["a", "b"]
    assert tool.output_schema is not None
    assert tool.annotations["readOnlyHint"] is True
    assert tool.problem is None


async def test_the_secret_is_nowhere_but_sealed_in_its_row(
    registry: Registry, database: Database, good: str
) -> None:
    given = registration(good, credential=BEARER)
    info = await registry.register("press", given)
    assert TOKEN not in info.model_dump_json()
    assert TOKEN not in repr(given)
    with database.session() as session:
        row = session.scalars(select(McpServer)).one()
        dump = str(session.execute(text("select mcp_servers::text from mcp_servers")).all())
    assert TOKEN not in dump
    assert base64.b64encode(TOKEN.encode()).decode()[:12] not in dump
    assert row.credential_sealed is not None
    assert row.credential_sealed.startswith("v1.")


@pytest.mark.parametrize(
    ("credential", "header", "value"),
    [
        (BEARER, "authorization", f"Bearer {TOKEN}"),
        ({"kind": "header", "name": "X-Api-Key", "value": TOKEN}, "x-api-key", TOKEN),
        (
            {"kind": "basic", "username": "kim", "password": "p:w"},
            "authorization",
            "Basic " + base64.b64encode(b"kim:p:w").decode(),
        ),
        ({"kind": "none"}, "authorization", None),
    ],
)
async def test_each_kind_of_credential_is_sent_as_it_should_be(
    registry: Registry,
    hub: ToolHub,
    bad: str,
    bad_seen: Seen,
    credential: dict[str, str],
    header: str,
    value: str | None,
) -> None:
    await registry.register("press", registration(f"{bad}/ok/mcp", credential=credential))
    await hub.call(CallTool(tenant_id="press", server="excel", tool="t"))
    assert [sent.get(header) for sent in bad_seen.headers] == [value] * 3


@pytest.mark.parametrize("token", ["two\r\nlines", "ends \n", " spaced ", "쿠키", "tab\tbed"])
async def test_a_credential_that_no_header_can_carry_is_refused_without_showing_it(
    registry: Registry, good: str, token: str
) -> None:
    given = registration(good, credential={"kind": "bearer", "token": token})
    with pytest.raises(InvalidInputError, match="'Authorization' cannot be sent") as caught:
        await registry.register("press", given)
    assert token.strip() not in str(caught.value)


@pytest.mark.parametrize("name", ["Host", "content-length", "Mcp-Session-Id", "Transfer-Encoding"])
def test_a_header_of_the_protocol_is_no_credential(name: str) -> None:
    with pytest.raises(ValueError, match="set by the protocol"):
        registration("http://a/", credential={"kind": "header", "name": name, "value": "x"})


async def test_credentials_of_one_tenant_are_never_sent_for_another(
    registry: Registry, hub: ToolHub, bad: str, bad_seen: Seen
) -> None:
    for tenant in ("press", "paint"):
        given = registration(
            f"{bad}/ok/mcp", credential={"kind": "bearer", "token": f"of-{tenant}"}
        )
        await registry.register(tenant, given)
    bad_seen.clear()
    for tenant in ("press", "paint", "press", "paint"):
        await hub.call(CallTool(tenant_id=tenant, server="excel", tool="t"))
    sent = [headers["authorization"] for headers in bad_seen.headers]
    assert sent == ["Bearer of-press", "Bearer of-paint"] * 2


async def test_a_credential_copied_to_another_row_does_not_open(
    registry: Registry, hub: ToolHub, database: Database, good: str
) -> None:
    """Not even somebody who can write to the table can send a secret elsewhere."""
    await registry.register("press", registration(good, credential=BEARER))
    with database.session() as session:
        session.execute(text("update mcp_servers set url = 'http://evil.example/mcp'"))
    with pytest.raises(Exception, match="A stored secret cannot be opened"):
        await hub.call(CallTool(tenant_id="press", server="excel", tool="several"))


async def test_a_taken_name_is_refused_for_the_tenant_and_free_for_others(
    registry: Registry, good: str
) -> None:
    await registry.register("press", registration(good))
    with pytest.raises(errors.ServerExistsError, match="'excel' already"):
        await registry.register("press", registration(good))
    await registry.register("paint", registration(good))


async def test_a_server_that_does_not_answer_is_not_stored(registry: Registry) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(errors.ServerUnreachableError, match="'excel' cannot be reached"):
        await registry.register("press", registration(f"http://127.0.0.1:{port}/mcp"))
    with pytest.raises(errors.UnknownServerError):
        registry.get("press", "excel")


async def test_without_discovery_a_server_is_stored_unseen(
    registry: Registry, hub: ToolHub, good: str, good_seen: Seen
) -> None:
    info = await registry.register("press", registration(good, discover=False))
    assert (info.status, info.tool_count) == (ServerStatus.UNDISCOVERED, 0)
    assert good_seen.methods == []
    with pytest.raises(errors.UnknownToolError, match="It has none; refresh it"):
        await hub.call(CallTool(tenant_id="press", server="excel", tool="add"))
    info = await registry.refresh("press", "excel")
    assert (info.status, info.tool_count) == (ServerStatus.READY, 6)
    arguments: dict[str, Any] = {"a": 1, "b": 1}
    await hub.call(CallTool(tenant_id="press", server="excel", tool="add", arguments=arguments))


@pytest.mark.parametrize(
    "url", ["ftp://excel/mcp", "http://u:p@excel/mcp", "http://a\\@b/", "excel:8017/mcp", "http://"]
)
async def test_an_address_that_no_request_goes_to_is_refused(registry: Registry, url: str) -> None:
    with pytest.raises(errors.ServerNotAllowedError, match="'excel' cannot have this address"):
        await registry.register("press", registration(url))


async def test_an_address_inside_is_refused_when_it_is_registered(registry: Registry) -> None:
    with pytest.raises(errors.ServerNotAllowedError, match="MILLWRIGHT_EGRESS_ALLOW_NETWORKS"):
        await registry.register("press", registration("http://169.254.169.254/mcp"))


async def test_a_new_address_needs_the_credential_again(
    registry: Registry, good: str, bad: str, bad_seen: Seen
) -> None:
    await registry.register("press", registration(good, credential=BEARER))
    with pytest.raises(errors.RegistrationError, match="send its credential again"):
        await registry.update("press", "excel", change(url=f"{bad}/ok/mcp"))
    with pytest.raises(errors.RegistrationError):
        await registry.update("press", "excel", change(path="/elsewhere"))
    assert bad_seen.headers == []
    info = await registry.update(
        "press", "excel", change(url=f"{bad}/ok/mcp", credential={"kind": "none"})
    )
    assert info.tool_count == 4
    assert all("authorization" not in sent for sent in bad_seen.headers)


async def test_a_new_credential_is_used_by_the_next_call(
    registry: Registry, hub: ToolHub, bad: str, bad_seen: Seen
) -> None:
    await registry.register("press", registration(f"{bad}/ok/mcp", credential=BEARER))
    call = CallTool(tenant_id="press", server="excel", tool="t")
    await hub.call(call)
    await registry.update(
        "press", "excel", change(credential={"kind": "bearer", "token": "n3w-t0k3n"})
    )
    await hub.call(call)
    assert bad_seen.headers[-1]["authorization"] == "Bearer n3w-t0k3n"


async def test_a_change_that_does_not_work_changes_nothing(
    registry: Registry, good: str, bad: str
) -> None:
    before = await registry.register("press", registration(good))
    with pytest.raises(errors.NotMcpError):
        await registry.update("press", "excel", change(url=f"{bad}/tools/many/mcp"))
    assert registry.get("press", "excel") == before


async def test_a_change_of_what_somebody_else_changed_is_refused(
    registry: Registry, good: str
) -> None:
    first = await registry.register("press", registration(good))
    second = await registry.update("press", "excel", change(timeout_s=9), etag=first.etag)
    assert (second.timeout_s, second.version) == (9, 2)
    with pytest.raises(errors.ServerChangedError, match="Read it again"):
        await registry.update("press", "excel", change(timeout_s=8), etag=first.etag)
    assert registry.get("press", "excel").timeout_s == 9


async def test_a_server_that_was_made_anew_has_another_etag(registry: Registry, good: str) -> None:
    first = await registry.register("press", registration(good))
    registry.delete("press", "excel")
    again = await registry.register("press", registration(good))
    assert again.version == first.version
    assert again.etag != first.etag


async def test_a_deleted_server_is_gone_with_its_tools_at_once(
    registry: Registry, hub: ToolHub, database: Database, good: str
) -> None:
    await registry.register("press", registration(good))
    await hub.call(CallTool(tenant_id="press", server="excel", tool="several"))
    registry.delete("press", "excel")
    with pytest.raises(errors.UnknownServerError):
        await hub.call(CallTool(tenant_id="press", server="excel", tool="several"))
    with database.session() as session:
        assert session.scalar(text("select count(*) from mcp_tools")) == 0
    with pytest.raises(errors.UnknownServerError):
        registry.delete("press", "excel")


async def test_a_refresh_that_fails_keeps_the_tools_and_says_so(
    registry: Registry, database: Database, good: str, bad: str
) -> None:
    await registry.register("press", registration(good))
    with database.session() as session:
        update = text("update mcp_servers set url = :url")
        session.execute(update, {"url": f"{bad}/tools/many/mcp"})
    with pytest.raises(errors.NotMcpError):
        await registry.refresh("press", "excel")
    info = registry.get("press", "excel")
    assert (info.status, info.tool_count) == (ServerStatus.FAILING, 6)


async def test_another_tenants_server_cannot_be_seen_changed_or_removed(
    registry: Registry, good: str
) -> None:
    await registry.register("press", registration(good))
    for attempt in (
        lambda: registry.get("paint", "excel"),
        lambda: registry.get_tool("paint", "excel", "add"),
        lambda: registry.delete("paint", "excel"),
        lambda: registry.find_tools("paint", server="excel"),
    ):
        with pytest.raises(errors.UnknownServerError):
            attempt()
    with pytest.raises(errors.UnknownServerError):
        await registry.update("paint", "excel", change(timeout_s=1))
    with pytest.raises(errors.UnknownServerError):
        await registry.refresh("paint", "excel")
    assert registry.list_servers("paint").items == []
    assert registry.find_tools("paint").items == []


async def test_servers_are_listed_by_name_page_by_page(registry: Registry, good: str) -> None:
    for name in ("c", "a", "b"):
        await registry.register("press", registration(good, name, discover=False))
    first = registry.list_servers("press", page_size=2)
    assert [info.name for info in first.items] == ["a", "b"]
    second = registry.list_servers("press", page_size=2, page_token=first.next_page_token)
    assert [info.name for info in second.items] == ["c"]
    assert second.next_page_token is None


@pytest.mark.parametrize("token", ["x", "bm90IGpzb24", "W10", "WyJhIiwiYiJd", "WzFd", "é", "==="])
async def test_a_page_token_of_somebody_else_is_refused(registry: Registry, token: str) -> None:
    with pytest.raises(InvalidInputError, match="page_token"):
        registry.list_servers("press", page_token=token)


async def test_tools_are_found_by_words_of_name_and_description(
    registry: Registry, good: str
) -> None:
    await registry.register("press", registration(good))
    await registry.register("press", registration(good, "other"))

    def found(words: str | None, server: str | None = None) -> list[tuple[str, str]]:
        tools = registry.find_tools("press", text=words, server=server)
        return [(tool.server, tool.name) for tool in tools.items]

    assert found("HELLO") == [("excel", "greet"), ("other", "greet")]
    assert found("ad", "other") == [("other", "add")]
    assert found("%") == []
    assert found("_") == []
    assert found("a\x00") == []
    assert len(found(None)) == 12


async def test_tools_are_listed_page_by_page_across_servers(registry: Registry, good: str) -> None:
    for name in ("a", "b"):
        await registry.register("press", registration(good, name))
    page = registry.find_tools("press", page_size=5)
    names = [(tool.server, tool.name) for tool in page.items]
    while page.next_page_token:
        page = registry.find_tools("press", page_size=5, page_token=page.next_page_token)
        names += [(tool.server, tool.name) for tool in page.items]
    assert len(names) == 12
    assert names == sorted(names)


async def test_headers_that_are_no_secret_are_shown_and_sent(
    registry: Registry, good: str, good_seen: Seen
) -> None:
    info = await registry.register("press", registration(good, headers={"X-Plant": "ulsan"}))
    assert info.headers == {"X-Plant": "ulsan"}
    assert good_seen.headers[-1]["x-plant"] == "ulsan"
    info = await registry.update("press", "excel", change(headers={"X-Plant": "asan"}))
    assert (info.headers, good_seen.headers[-1]["x-plant"]) == ({"X-Plant": "asan"}, "asan")
    assert (await registry.update("press", "excel", change(timeout_s=5))).headers == info.headers


async def test_a_credential_may_be_several_headers(
    registry: Registry, good: str, good_seen: Seen
) -> None:
    secret = {"kind": "headers", "headers": {"X-Api-Key": TOKEN, "X-Org": "press-4711"}}
    info = await registry.register("press", registration(good, credential=secret))
    assert info.credential.model_dump(exclude_none=True) == {"kind": "headers"}
    assert TOKEN not in info.model_dump_json()
    sent = good_seen.headers[-1]
    assert (sent["x-api-key"], sent["x-org"]) == (TOKEN, "press-4711")


async def test_a_header_is_not_sent_twice(registry: Registry, good: str) -> None:
    plain: dict[str, Any] = {"headers": {"authorization": "x"}, "credential": BEARER}
    with pytest.raises(errors.RegistrationError, match="authorization would be sent twice"):
        await registry.register("press", registration(good, **plain))
    await registry.register("press", registration(good, credential=BEARER))
    with pytest.raises(errors.RegistrationError, match="would be sent twice"):
        await registry.update("press", "excel", change(headers={"authorization": "x"}))
