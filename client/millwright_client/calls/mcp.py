"""MCP servers: register, look at, change, remove; their tools."""

from typing import Any

from millwright_client.calls.reading import given, nothing, one, page, path
from millwright_client.exchange import Call, Flow, ask
from millwright_client.models import McpBreaker, McpServer, McpTool, Page

_SERVERS = ("mcp", "servers")


def register_server(
    name: str,
    url: str,
    *,
    token: str | None = None,
    credential: dict[str, Any] | None = None,
    **settings: Any,
) -> Flow[McpServer]:
    """Register an MCP server; its tools are asked for at once.

    Args:
        url: Its endpoint, for example `http://excel:8017/mcp`.
        token: Bearer token it asks for; other kinds go into `credential`.
        settings: path, dialect, timeout_s, protection, discover, tools; as
            `POST /mcp/servers` has them.
    """
    if token is not None:
        credential = {"kind": "bearer", "token": token}
    body = {"name": name, "url": url, **given(credential=credential), **settings}
    return ask(Call("POST", path(*_SERVERS), one(McpServer), json=body))


def list_servers(
    *, page_size: int | None = None, page_token: str | None = None
) -> Flow[Page[McpServer]]:
    """List registered servers."""
    params = given(page_size=page_size, page_token=page_token)
    return ask(Call("GET", path(*_SERVERS), page(McpServer), params=params, safe=True))


def get_server(name: str) -> Flow[McpServer]:
    """Look at one server."""
    return ask(Call("GET", path(*_SERVERS, name), one(McpServer), safe=True))


def update_server(name: str, **changes: Any) -> Flow[McpServer]:
    """Change a server: what is left out stays."""
    return ask(Call("PATCH", path(*_SERVERS, name), one(McpServer), json=changes))


def remove_server(name: str) -> Flow[None]:
    """Remove a server and its stored credential."""
    return ask(Call("DELETE", path(*_SERVERS, name), nothing))


def refresh_server(name: str) -> Flow[McpServer]:
    """Ask a server for its tools again."""
    return ask(Call("POST", path(*_SERVERS, f"{name}:refresh"), one(McpServer), safe=True))


def get_breaker(name: str) -> Flow[McpBreaker]:
    """Look at the breaker of a server: what it has found out, and what it has kept back."""
    return ask(Call("GET", path(*_SERVERS, name, "breaker"), one(McpBreaker), safe=True))


def put_breaker(name: str, mode: str, *, reason: str | None = None) -> Flow[McpBreaker]:
    """Decide in place of a breaker, which begins anew.

    Args:
        mode: `open`, `closed`, `disabled`, or `auto` to let it decide again.
        reason: For whoever wonders later.
    """
    body = {"mode": mode, **given(reason=reason)}
    where = path(*_SERVERS, name, "breaker")
    return ask(Call("PUT", where, one(McpBreaker), json=body, safe=True))


def list_tools(
    server: str, *, page_size: int | None = None, page_token: str | None = None
) -> Flow[Page[McpTool]]:
    """List the tools of a server."""
    params = given(page_size=page_size, page_token=page_token)
    where = path(*_SERVERS, server, "tools")
    return ask(Call("GET", where, page(McpTool), params=params, safe=True))


def find_tools(
    text: str | None = None,
    *,
    server: str | None = None,
    page_size: int | None = None,
    page_token: str | None = None,
) -> Flow[Page[McpTool]]:
    """Find tools of all servers, by words of their names and descriptions."""
    params = given(q=text, server=server, page_size=page_size, page_token=page_token)
    return ask(Call("GET", path("mcp", "tools"), page(McpTool), params=params, safe=True))


def get_tool(server: str, tool: str) -> Flow[McpTool]:
    """Look at one tool: what it takes, and what it promises."""
    return ask(Call("GET", path(*_SERVERS, server, "tools", tool), one(McpTool), safe=True))
