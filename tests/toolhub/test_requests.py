"""`call: mcp`: requests to any server by its address."""

import json
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest
from typing_extensions import override

from foundation.json import JsonObject
from tests.toolhub.servers import MODERN, Seen
from toolhub.errors import RequestFailedError
from toolhub.hub import ToolHub
from toolhub.schemas import McpRequest

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["modern", "legacy"])
def url(request: pytest.FixtureRequest, good: str, legacy: str) -> str:
    return good if request.param == "modern" else legacy


def asking(url: str, method: str, params: Any = None, **more: Any) -> McpRequest:
    return McpRequest(tenant_id="press", url=url, method=method, params=params or {}, **more)


async def test_a_tool_call_gives_the_result_of_the_protocol(hub: ToolHub, url: str) -> None:
    params = {"name": "add", "arguments": {"a": 1, "b": 2}}
    result = await hub.request(asking(url, "tools/call", params))
    assert result["structuredContent"] == {"total": 3, "items": [1, 2]}
    assert isinstance(result["content"], list)


async def test_a_tool_that_fails_is_a_result(hub: ToolHub, url: str) -> None:
    params = {"name": "fail", "arguments": {"why": "no"}}
    assert (await hub.request(asking(url, "tools/call", params)))["isError"] is True


@pytest.mark.parametrize(
    ("method", "params", "field"),
    [
        ("tools/list", {}, "tools"),
        ("prompts/list", {}, "prompts"),
        ("prompts/get", {"name": "ask", "arguments": {"topic": "presses"}}, "messages"),
        ("resources/list", {}, "resources"),
        ("resources/templates/list", {}, "resourceTemplates"),
        ("resources/read", {"uri": "sheet://defects"}, "contents"),
    ],
)
async def test_every_method_of_the_language_is_answered(
    hub: ToolHub, url: str, method: str, params: JsonObject, field: str
) -> None:
    result = await hub.request(asking(url, method, params))
    assert isinstance(result[field], list)
    if method != "resources/list":
        assert result[field]


async def test_headers_and_client_are_sent(
    hub: ToolHub, bad: str, bad_seen: Seen, good: str, good_seen: Seen
) -> None:
    headers = {"Authorization": "Bearer abc"}
    await hub.request(asking(f"{bad}/ok/mcp", "tools/call", {"name": "t"}, headers=headers))
    assert bad_seen.headers[-1]["authorization"] == "Bearer abc"
    client = {"client_name": "press-line", "client_version": "7"}
    await hub.request(asking(good, "tools/list", **client))
    sent = good_seen.bodies[-1]["params"]["_meta"]["io.modelcontextprotocol/clientInfo"]
    assert sent == {"name": "press-line", "version": "7"}


@pytest.mark.parametrize("oldest", [None, "2024-11-05", "2025-06-18", "2025-11-25"])
async def test_the_newest_version_that_both_know_is_negotiated(
    hub: ToolHub, url: str, oldest: str | None
) -> None:
    assert (await hub.request(asking(url, "tools/list", protocol_version=oldest)))["tools"]


@pytest.mark.parametrize("spoken", ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"])
async def test_an_old_server_is_called_when_the_definition_allows_its_version(
    hub: ToolHub, bad: str, bad_seen: Seen, spoken: str
) -> None:
    request = asking(f"{bad}/old/{spoken}/mcp", "tools/list", protocol_version=spoken)
    assert (await hub.request(request))["tools"]
    asked = [method for method in bad_seen.methods if "/" in method or method == "initialize"]
    assert asked[-3:] == ["initialize", "notifications/initialized", "tools/list"]


@pytest.mark.parametrize(
    ("server", "oldest", "words"),
    [
        ("old/2025-03-26", "2025-06-18", ("speaks 2025-03-26", "asks for 2025-06-18 or newer")),
        ("old/2025-11-25", "2026-07-28", ("speaks 2025-11-25", "asks for 2026-07-28 or newer")),
        ("old/1999-01-01", "2025-06-18", ("server: 1999-01-01", "asks for 2025-06-18 or newer")),
        ("new/2031-01-01", "2025-06-18", ("speaks 2031-01-01", "asks for 2025-06-18 or newer")),
    ],
)
async def test_a_server_of_another_version_is_not_called_and_both_versions_are_named(
    hub: ToolHub, bad: str, bad_seen: Seen, server: str, oldest: str, words: tuple[str, str]
) -> None:
    with pytest.raises(RequestFailedError) as caught:
        await hub.request(asking(f"{bad}/{server}/mcp", "tools/list", protocol_version=oldest))
    assert all(each in str(caught.value) for each in words)
    assert (caught.value.kind, caught.value.retryable) == ("runtime", False)
    assert "tools/list" not in bad_seen.methods


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"method": "tools/cal"}, "no MCP method 'tools/cal' to call. Those there are: tools/list"),
        ({"protocol_version": "1999-01-01"}, "no MCP protocol version '1999-01-01'. Known: 2024"),
        ({"headers": {"X-A": "two\nlines"}}, "'X-A' cannot be sent"),
        ({"headers": {"X A": "b"}}, "'X A' cannot be sent"),
        ({"params": {"cursor": 7}}, "not parameters of 'tools/list': params/cursor"),
        ({"url": "http://u:p@h/"}, "user name or password"),
        ({"url": "stdio:excel"}, "http or https"),
        ({"url": "http://10.0.0.1/mcp"}, "MILLWRIGHT_EGRESS_ALLOW_NETWORKS"),
    ],
)
async def test_a_request_that_makes_no_sense_is_refused_with_the_reason(
    hub: ToolHub, good: str, more: dict[str, Any], words: str
) -> None:
    fields: dict[str, Any] = {"tenant_id": "press", "url": good, "method": "tools/list", **more}
    with pytest.raises(RequestFailedError) as caught:
        await hub.request(McpRequest(**fields))
    assert words in str(caught.value)
    assert (caught.value.kind, caught.value.retryable) == ("runtime", False)


@pytest.mark.parametrize(
    ("way", "words", "retryable"),
    [
        ("401", "does not accept the credential", False),
        ("html", "does not speak MCP", False),
        ("429", "Try again after 7 s", True),
        ("big-json", "1,048,576 bytes", False),
        ("cut-json", "It is not known whether the request 'tools/call' ran", False),
    ],
)
async def test_every_failure_is_a_runtime_error_of_the_language(
    hub: ToolHub, bad: str, way: str, words: str, *, retryable: bool
) -> None:
    with pytest.raises(RequestFailedError) as caught:
        await hub.request(asking(f"{bad}/{way}/mcp", "tools/call", {"name": "t"}))
    assert words in str(caught.value)
    assert (caught.value.kind, caught.value.retryable) == ("runtime", retryable)


async def test_a_listing_that_breaks_off_may_be_repeated(hub: ToolHub) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(RequestFailedError, match=r"127\.0\.0\.1' cannot be reached") as caught:
        await hub.request(asking(f"http://127.0.0.1:{port}/mcp", "tools/list"))
    assert caught.value.retryable


class _HangingUp(BaseHTTPRequestHandler):
    """Says that it is there; after the next request it ends the connection without a word."""

    reset: ClassVar[bool]

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if asked["method"] == "server/discover":
            found = {"supportedVersions": [MODERN], "capabilities": {}, "resultType": "complete"}
            result = {**found, "ttlMs": 0, "cacheScope": "public"}
            text = json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)
        elif self.reset:
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    @override
    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@contextmanager
def hanging_up(*, reset: bool) -> Iterator[str]:
    handler = type("Handler", (_HangingUp,), {"reset": reset})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/mcp"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("reset", [True, False])
async def test_a_connection_that_ends_without_a_word_leaves_the_outcome_unknown(
    hub: ToolHub, *, reset: bool
) -> None:
    with hanging_up(reset=reset) as url, pytest.raises(RequestFailedError) as caught:
        await hub.request(asking(url, "tools/call", {"name": "t"}))
    assert "broke off the connection" in str(caught.value)
    assert "not known whether" in str(caught.value)
    assert not caught.value.retryable


async def test_an_ill_server_is_not_asked_any_more_but_others_of_its_host_are(
    hub: ToolHub, bad: str, bad_seen: Seen
) -> None:
    calling = {"name": "t"}
    for turn in range(10):
        # Whatever a definition computes into the query, it is the same server.
        ill = asking(f"{bad}/500/mcp?turn={turn}", "tools/call", calling)
        with pytest.raises(RequestFailedError):
            await hub.request(ill)
    bad_seen.clear()
    with pytest.raises(RequestFailedError, match=r"too many of its last 10 calls failed") as caught:
        await hub.request(ill)
    assert caught.value.retryable
    assert 25 < (caught.value.retry_after_s or 0) <= 30
    assert bad_seen.methods == []

    await hub.request(asking(f"{bad}/ok/mcp", "tools/call", calling))
    with pytest.raises(RequestFailedError, match="500"):
        await hub.request(replace(ill, tenant_id="another"))
    assert bad_seen.methods.count("tools/call") == 2
