"""Both clients against the whole application: logging in, staying logged in, publishing."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI

from millwright_client import AsyncMillwright, Millwright, MillwrightApiError
from tests.api.people import PASSWORD, Person
from tests.instances.serving import served

pytestmark = pytest.mark.anyio

HELLO = """\
document:
  dsl: '1.0.3'
  namespace: press-line
  name: hello
  version: '1.0.0'
  title: Say hello
do:
  - greet:
      set:
        greeting: ${ "Hello, \\(.name)!" }
"""


@pytest.fixture
async def address(app: FastAPI) -> AsyncIterator[str]:
    async with served(app) as address:
        yield address


@pytest.fixture
async def client(address: str, admin: Person) -> AsyncIterator[AsyncMillwright]:
    async with await AsyncMillwright.login(
        address, admin.email, PASSWORD, tenant=admin.tenant_id
    ) as client:
        yield client


async def test_who_logs_in_is_somebody(client: AsyncMillwright, admin: Person) -> None:
    me = await client.me()
    assert (me.tenant_id, me.email, me.roles) == (admin.tenant_id, admin.email, ["admin"])


async def test_a_wrong_password_is_refused(address: str, admin: Person) -> None:
    with pytest.raises(MillwrightApiError) as error:
        await AsyncMillwright.login(address, admin.email, "wrong")
    assert error.value.status == 401


async def test_an_access_token_that_is_no_longer_good_is_exchanged_once(
    client: AsyncMillwright,
) -> None:
    client.driver.session.access_token = "no.longer.good"
    # A refresh token that is used twice would end the log-in.
    everybody = await asyncio.gather(*(client.me() for _ in range(10)))

    assert len({me.user_id for me in everybody}) == 1
    assert client.access_token != "no.longer.good"
    assert (await client.me()).email


async def test_ordinary_code_stays_logged_in_too(address: str, admin: Person) -> None:
    def ordinary() -> str:
        with Millwright.login(address, admin.email, PASSWORD) as client:
            client.driver.session.access_token = "no.longer.good"
            return client.me().email

    assert await asyncio.to_thread(ordinary) == admin.email


async def test_a_definition_is_checked_published_and_started(client: AsyncMillwright) -> None:
    checked = await client.workflows.validate(HELLO)
    published = await client.workflows.publish(HELLO)
    again = await client.workflows.publish(HELLO)
    started = await client.workflows.start("press-line", "hello", input={"name": "Ana"})

    assert (checked.valid, checked.findings) == (True, [])
    assert (published.title, published.created, again.created) == ("Say hello", True, False)
    assert (started.version, started.status) == ("1.0.0", "RUNNING")
    assert [d.name for d in (await client.workflows.list()).items] == ["hello"]
    assert [d.hash for d in (await client.workflows.versions("press-line", "hello")).items] == [
        published.hash
    ]
    found = await client.workflows.get("press-line", "hello", "1.0.0")
    assert found.source == HELLO
    assert found.document is not None
    assert found.document["document"]["title"] == "Say hello"


async def test_what_is_wrong_with_a_definition_is_found_all_at_once(
    client: AsyncMillwright,
) -> None:
    broken = HELLO.replace("set:", "sett:").replace("version: '1.0.0'", "version: one")
    checked = await client.workflows.validate(broken)
    with pytest.raises(MillwrightApiError) as error:
        await client.workflows.publish(broken)

    assert not checked.valid
    assert {finding.line for finding in checked.findings} == {5, 8}
    assert [found["code"] for found in error.value.details["findings"]] == [
        finding.code for finding in checked.findings
    ]


async def test_an_mcp_server_is_registered_changed_and_removed(client: AsyncMillwright) -> None:
    made = await client.mcp.register_server(
        "excel", "https://excel.example/mcp", token="secret", discover=False, timeout_s=5
    )
    changed = await client.mcp.update_server("excel", timeout_s=7, discover=False)
    assert (made.status, made.credential["kind"], made.timeout_s) == ("undiscovered", "bearer", 5)
    assert (changed.timeout_s, changed.version) == (7, made.version + 1)
    assert [server.name for server in (await client.mcp.list_servers()).items] == ["excel"]
    assert (await client.mcp.list_tools("excel")).items == []
    assert (await client.mcp.find_tools("read")).items == []

    breaker = await client.mcp.put_breaker("excel", "open", reason="maintenance")
    assert breaker.forced["mode"] == "open"
    assert (await client.mcp.get_breaker("excel")).forced == breaker.forced

    with pytest.raises(MillwrightApiError, match="has no tool 'read'"):
        await client.mcp.put_tool_policy("excel", "read", {"idempotent": True})

    await client.mcp.remove_server("excel")
    with pytest.raises(MillwrightApiError) as error:
        await client.mcp.get_server("excel")
    assert error.value.status == 404


async def test_a_feature_is_enabled_and_listed(client: AsyncMillwright) -> None:
    before, containers = (await client.features.list()).items
    assert (before.name, before.enabled, before.changed_at) == ("programs", False, None)
    changed = await client.features.put("programs", enabled=True)
    assert changed.enabled
    assert await client.features.get("programs") == changed
    assert (containers.name, containers.images) == ("containers", [])
    changed = await client.features.put("containers", enabled=True, images=["tool:1"])
    assert changed.images == ["tool:1"]
    assert (await client.features.put("containers", enabled=False)).images == ["tool:1"]


async def test_a_secret_is_stored_rotated_listed_and_deleted(client: AsyncMillwright) -> None:
    made = await client.secrets.put("erp", {"username": "press-line", "password": "pa55-w0rd"})
    rotated = await client.secrets.put("erp", "just-a-token")
    assert (made.version, rotated.version) == (1, 2)
    assert rotated.created_at == made.created_at < rotated.updated_at
    assert (await client.secrets.list()).items == [rotated]
    assert await client.secrets.get("erp") == rotated

    await client.secrets.delete("erp")
    with pytest.raises(MillwrightApiError) as error:
        await client.secrets.get("erp")
    assert (error.value.status, error.value.code) == (404, "unknown-secret")


async def test_a_secret_that_is_refused_is_not_in_the_error(client: AsyncMillwright) -> None:
    with pytest.raises(MillwrightApiError, match="at /pin has fewer than 4 characters") as error:
        await client.secrets.put("erp", {"password": "pa55-w0rd", "pin": "123"})
    assert "pa55-w0rd" not in f"{error.value} {error.value.details}"
