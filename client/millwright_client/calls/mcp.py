"""MCP servers: register, look at, change, remove; their tools."""

from datetime import datetime
from typing import Any

from millwright_client.calls.reading import given, nothing, one, page, path
from millwright_client.exchange import Call, Flow, ask
from millwright_client.models import (
    McpAnswer,
    McpBreaker,
    McpCall,
    McpConsent,
    McpConsentStart,
    McpHealth,
    McpImport,
    McpServer,
    McpTool,
    McpToolDrift,
    McpToolPolicy,
    Page,
)

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
        settings: path, dialect, timeout_s, protection, discover, tools, arguments; as
            `POST /mcp/servers` has them.
    """
    if token is not None:
        credential = {"kind": "bearer", "token": token}
    body = {"name": name, "url": url, **given(credential=credential), **settings}
    return ask(Call("POST", path(*_SERVERS), one(McpServer), json=body))


def import_server(
    document: dict[str, Any],
    *,
    name: str | None = None,
    choose: str | None = None,
    values: dict[str, str | list[str]] | None = None,
    secrets: dict[str, str] | None = None,
    dry_run: bool = False,
    **settings: Any,
) -> Flow[McpImport]:
    """Register what a `server.json` describes, or update it; the same one again changes nothing.

    Args:
        document: The document, alone or as a registry answers it.
        name: What the server is called here, when not by the last part of its own name.
        choose: Which of its `remotes` or `packages`, when several will do: `remotes/0`.
        values: For what the document asks, by name.
        secrets: The same for what is secret; they are kept encrypted and never shown.
        dry_run: Only find out what would be registered and what is missing.
        settings: discover; as `POST /mcp/servers:import` has it.
    """
    body = {
        "document": document,
        "dry_run": dry_run,
        **given(name=name, choose=choose, values=values, secrets=secrets),
        **settings,
    }
    return ask(Call("POST", path("mcp", "servers:import"), one(McpImport), json=body))


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


def authorize_server(name: str) -> Flow[McpConsentStart]:
    """Begin to let a server be used as yourself: open the address in your browser."""
    return ask(Call("POST", path(*_SERVERS, f"{name}:authorize"), one(McpConsentStart)))


def get_consent(name: str) -> Flow[McpConsent]:
    """Look at what somebody has agreed to."""
    return ask(Call("GET", path(*_SERVERS, name, "consent"), one(McpConsent), safe=True))


def remove_consent(name: str) -> Flow[None]:
    """Drop what somebody has agreed to."""
    return ask(Call("DELETE", path(*_SERVERS, name, "consent"), nothing))


def check_server(name: str) -> Flow[McpHealth]:
    """Ask a server now whether it is there; no tool is called."""
    return ask(Call("POST", path(*_SERVERS, f"{name}:check"), one(McpHealth), safe=True))


def list_health(
    *, page_size: int | None = None, page_token: str | None = None
) -> Flow[Page[McpHealth]]:
    """List how servers are, by name."""
    params = given(page_size=page_size, page_token=page_token)
    return ask(Call("GET", path("mcp", "health"), page(McpHealth), params=params, safe=True))


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


def list_tool_versions(
    server: str, tool: str, *, page_size: int | None = None, page_token: str | None = None
) -> Flow[Page[McpTool]]:
    """List what a tool was, the newest version first."""
    params = given(page_size=page_size, page_token=page_token)
    where = path(*_SERVERS, server, "tools", tool, "versions")
    return ask(Call("GET", where, page(McpTool), params=params, safe=True))


def get_tool_policy(server: str, tool: str) -> Flow[McpToolPolicy]:
    """Look at what was decided about a tool."""
    return ask(Call("GET", _policy(server, tool), one(McpToolPolicy), safe=True))


def put_tool_policy(server: str, tool: str, policy: dict[str, Any]) -> Flow[McpToolPolicy]:
    """Decide what holds for a tool; it replaces what was decided before.

    Args:
        policy: read_only, idempotent, idempotency_key, error_patterns, timeout_s, fallback; as
            `PUT /mcp/servers/{server}/tools/{tool}/policy` has them.
    """
    where = _policy(server, tool)
    return ask(Call("PUT", where, one(McpToolPolicy), json=policy, safe=True))


def remove_tool_policy(server: str, tool: str) -> Flow[None]:
    """Let hold again what the server says of a tool."""
    return ask(Call("DELETE", _policy(server, tool), nothing, safe=True))


def _policy(server: str, tool: str) -> str:
    return path(*_SERVERS, server, "tools", tool, "policy")


def list_drifts(
    server: str | None = None, *, page_size: int | None = None, page_token: str | None = None
) -> Flow[Page[McpToolDrift]]:
    """List the changes of tools that wait to be accepted."""
    params = given(server=server, page_size=page_size, page_token=page_token)
    return ask(Call("GET", path("mcp", "drifts"), page(McpToolDrift), params=params, safe=True))


def get_drift(server: str, tool: str) -> Flow[McpToolDrift]:
    """Look at the change of a tool that waits, difference by difference."""
    where = path(*_SERVERS, server, "tools", tool, "drift")
    return ask(Call("GET", where, one(McpToolDrift), safe=True))


def accept_drift(server: str, tool: str, sha256: str) -> Flow[McpTool]:
    """Accept the change of a tool.

    Args:
        sha256: Of the drift that was looked at; another one is not accepted.
    """
    where = path(*_SERVERS, server, "tools", f"{tool}:accept")
    return ask(Call("POST", where, one(McpTool), json={"sha256": sha256}))


def list_calls(
    *,
    server: str | None = None,
    tool: str | None = None,
    status: str | None = None,
    instance_id: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    page_size: int | None = None,
    page_token: str | None = None,
) -> Flow[Page[McpCall]]:
    """List the calls of tools, the newest first.

    Args:
        status: `running`, `succeeded`, `failed`, `cancelled` or `lost`.
        since: Those that began then or later; with its time zone.
        until: Those that began before.
    """
    params = given(
        server=server,
        tool=tool,
        status=status,
        instance=instance_id,
        since=since.isoformat() if since else None,
        until=until.isoformat() if until else None,
        page_size=page_size,
        page_token=page_token,
    )
    return ask(Call("GET", path("mcp", "calls"), page(McpCall), params=params, safe=True))


def call_tool(
    server: str,
    tool: str,
    arguments: dict[str, Any] | None = None,
    *,
    sha256: str | None = None,
    timeout_s: float | None = None,
) -> Flow[McpAnswer]:
    """Call a tool as a workflow would, to try it. It runs.

    Args:
        sha256: The tool that is meant; left out, the one there is.
        timeout_s: Longest wait, a minute at most.
    """
    body = {
        "server": server,
        "tool": tool,
        "arguments": arguments or {},
        **given(sha256=sha256, timeout_s=timeout_s),
    }
    return ask(Call("POST", path("mcp", "tools", "call"), one(McpAnswer), json=body))
