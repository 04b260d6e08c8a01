"""Calls of one tool through our API and through ContextForge's, which people compare with.

Both are one process with one port, on the same machine, before the same MCP server, asked by the
same callers over kept connections; they take turns. ContextForge is installed from the package
index into a folder of its own (about 250 MB, half a minute), with SQLite and without plugins, rate
limits and admin pages, which is the fastest it can be had without more machines.
"""

import asyncio
import os
import secrets
import subprocess
import time
import venv
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Final, TypeAlias

import httpx

from bench.report import Figure, paired
from bench.system import Bench
from deploy.local.ports import LOOPBACK, free_port
from deploy.local.processes import Child, Program
from foundation.json import JsonObject
from millwright_client import Millwright

VERSION: Final = "1.0.7.post20260921"
FOLDER: Final = Path(".millwright") / "bench" / f"contextforge-{VERSION}"
CALLERS: Final = 16
ROUNDS: Final = 5
ROUND_S: Final = 4.0
START_S: Final = 90.0
ADMIN: Final = "admin@example.com"
ARGUMENTS: Final[JsonObject] = {"a": 1, "b": 2}

Call: TypeAlias = Callable[[], Awaitable[None]]


def measure(bench: Bench, client: Millwright) -> tuple[list[Figure], dict[str, object]]:
    """Measure on an otherwise idle system."""
    client.mcp.register_server("gateway-bench", url=bench.mcp_url)
    token = client.access_token or ""
    with _gateway() as (url, theirs_token):
        rates = asyncio.run(_rates(bench, token, url, theirs_token))
    ours, theirs = rates["Millwright"], rates["ContextForge"]
    return [
        Figure("calls/s, Millwright : ContextForge", paired(ours, theirs), "x", ">=", 10.0),
        *(
            Figure(f"{who}: calls per second", sorted(found)[len(found) // 2], "1/s")
            for who, found in rates.items()
        ),
    ], {"callers": CALLERS, "rounds": ROUNDS, "round_s": ROUND_S, "contextforge": VERSION}


@contextmanager
def _gateway() -> Iterator[tuple[str, str]]:
    """Run ContextForge; return its address and the token of its administrator."""
    python = _installed()
    port, key = free_port(), secrets.token_urlsafe(48)
    database = FOLDER / f"run-{port}.db"
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "HOME": str(FOLDER.resolve()),
        "DATABASE_URL": f"sqlite:///{database.resolve()}",
        "JWT_SECRET_KEY": key,
        "AUTH_ENCRYPTION_SECRET": secrets.token_urlsafe(48),
        "BASIC_AUTH_PASSWORD": f"Aa1!{secrets.token_urlsafe(24)}",
        "PLATFORM_ADMIN_EMAIL": ADMIN,
        "PLATFORM_ADMIN_PASSWORD": f"Aa1!{secrets.token_urlsafe(24)}",
        "MCPGATEWAY_UI_ENABLED": "false",
        "MCPGATEWAY_ADMIN_API_ENABLED": "false",
        "PLUGINS_ENABLED": "false",
        "RATE_LIMITING_ENABLED": "false",
        "SSRF_ALLOW_LOCALHOST": "true",
        "SSRF_ALLOW_PRIVATE_NETWORKS": "true",
        "LOG_LEVEL": "ERROR",
    }
    serve = ("-m", "mcpgateway.cli", "mcpgateway.main:app", "--host", LOOPBACK)
    child = Child(
        Program(
            name="ContextForge",
            command=(str(python), *serve, "--port", str(port)),
            log=FOLDER / "gateway.log",
            environment=environment,
        )
    )
    url = f"http://{LOOPBACK}:{port}"
    try:
        child.wait_ready(lambda: _answers(f"{url}/health"), START_S)
        yield url, _token(python, environment, key)
    finally:
        child.stop()
        database.unlink(missing_ok=True)


def _installed() -> Path:
    python = FOLDER.resolve() / "bin" / "python"
    done = FOLDER / "installed"
    if not done.exists():
        print(f"Installing ContextForge {VERSION} into {FOLDER} ...", flush=True)
        venv.create(FOLDER, with_pip=True, clear=True)
        package = f"mcp-contextforge-gateway=={VERSION}"
        _python(python, ("-m", "pip", "install", "--quiet", package))
        done.touch()
    return python


def _token(python: Path, environment: dict[str, str], key: str) -> str:
    made = _python(
        python,
        ("-m", "mcpgateway.utils.create_jwt_token", "--username", ADMIN, "--admin"),
        ("--exp", "600", "--secret", key),
        environment=environment,
    )
    return made.split()[-1]


def _python(
    python: Path, *arguments: Sequence[str], environment: Mapping[str, str] | None = None
) -> str:
    command = [str(python), *chain.from_iterable(arguments)]
    made = subprocess.run(  # noqa: S603 - commands of ours
        command, env=environment, check=True, capture_output=True, text=True
    )
    return made.stdout


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2, trust_env=False).is_success
    except httpx.HTTPError:
        return False


async def _rates(bench: Bench, token: str, url: str, their_token: str) -> dict[str, list[float]]:
    limits = httpx.Limits(max_connections=CALLERS)
    async with (
        _client(bench.stack.api_url, token, limits) as ours,
        _client(url, their_token, limits) as theirs,
    ):
        name = await _registered(theirs, bench.mcp_url)
        body: JsonObject = {"server": "gateway-bench", "tool": "add", "arguments": ARGUMENTS}
        call: JsonObject = {"name": name, "arguments": ARGUMENTS}
        rpc: JsonObject = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
        sides: dict[str, Call] = {
            "Millwright": lambda: _posted(ours, "/api/v1/mcp/tools/call", body),
            "ContextForge": lambda: _posted(theirs, "/rpc", rpc),
        }
        rates: dict[str, list[float]] = {who: [] for who in sides}
        for turn in range(ROUNDS + 1):
            for who in list(sides)[:: 1 if turn % 2 else -1]:
                rate = await _rate(sides[who])
                if turn:  # the first round warms up
                    rates[who].append(rate)
        return rates


def _client(url: str, token: str, limits: httpx.Limits) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.AsyncClient(
        base_url=url, headers=headers, limits=limits, timeout=30, trust_env=False
    )


async def _registered(gateway: httpx.AsyncClient, mcp_url: str) -> str:
    """Register the MCP server; return how the gateway calls its tool."""
    server = {"name": "bench", "url": mcp_url, "transport": "STREAMABLEHTTP"}
    (await gateway.post("/gateways", json=server)).raise_for_status()
    tools = (await gateway.get("/tools")).raise_for_status().json()
    name: str = next(tool["name"] for tool in tools if tool["originalName"] == "add")
    return name


async def _posted(client: httpx.AsyncClient, path: str, body: JsonObject) -> None:
    answer = (await client.post(path, json=body)).raise_for_status()
    # An answer that is no sum is not a call.
    if b'"total":3' not in answer.content.replace(b" ", b""):
        raise ValueError(f"{path}: {answer.text[:300]}")


async def _rate(call: Call) -> float:
    calls, until = 0, time.perf_counter() + ROUND_S

    async def caller() -> None:
        nonlocal calls
        while time.perf_counter() < until:
            await call()
            calls += 1

    started = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return calls / (time.perf_counter() - started)
