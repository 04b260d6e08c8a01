"""An MCP server that misbehaves as it is told. Standard library only; a program of its own.

odd_server.py FOLDER: it notes there what it is and what it is told.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

FOLDER = Path(sys.argv[1])


def send(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def text(id_: object, said: str) -> None:
    send({"id": id_, "result": {"content": [{"type": "text", "text": said}]}})


def note(name: str, what: str = "") -> None:
    # At once: whoever reads it must not find half. There may be several of us.
    half = FOLDER / f".{name}-{os.getpid()}"
    half.write_text(what)
    half.rename(FOLDER / name)


def flood(piece: str) -> None:
    with contextlib.suppress(BrokenPipeError):
        while True:
            sys.stdout.write(piece)
            sys.stdout.flush()


def family(_id: object) -> None:
    """Start two that outlive their parent: one in the group, one that has left it."""
    sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
    near = subprocess.Popen(sleep)  # noqa: S603 - no shell
    far = subprocess.Popen(sleep, start_new_session=True)  # noqa: S603 - no shell
    note("family", f"{os.getpid()} {near.pid} {far.pid}")
    while True:  # it does not see that its input is closed
        time.sleep(60)


def die(_id: object) -> None:
    sys.stderr.write(f"out of paper, {os.environ.get('TOKEN', '')}\n")
    sys.stderr.flush()
    os._exit(3)


def garbage(id_: object) -> None:
    sys.stdout.write("Listening for messages ...\n")
    text(id_, "too late")


def noise(id_: object) -> None:
    sys.stderr.write("warning: " * 500_000)
    text(id_, "done")


def deaf(_id: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    note("deaf", str(os.getpid()))
    while True:
        time.sleep(60)


def mute(_id: object) -> None:
    os.close(1)
    while True:
        time.sleep(60)


def chatter(_id: object) -> None:
    log = {"method": "notifications/message", "params": {"level": "info", "data": "x" * 9999}}
    flood(json.dumps({"jsonrpc": "2.0", **log}) + "\n")


def big_log(id_: object) -> None:
    send({"method": "notifications/message", "params": {"level": "info", "data": "x" * 3_000_000}})
    text(id_, "done")


def big_error(id_: object) -> None:
    send({"id": id_, "error": {"code": -32000, "message": "x" * 3_000_000}})


def change(id_: object) -> None:
    send({"method": "notifications/tools/list_changed"})
    text(id_, "changed")


def refuse(id_: object) -> None:
    send({"id": id_, "error": {"code": -32602, "message": "no such argument"}})


WAYS: dict[str, Callable[[object], None]] = {
    "env": lambda id_: text(id_, json.dumps(dict(os.environ))),
    "pid": lambda id_: text(id_, str(os.getpid())),
    "hang": lambda _id: None,
    "die": die,
    "garbage": garbage,
    "endless-line": lambda _id: flood("x" * 65536),
    "big": lambda id_: text(id_, "x" * 3_000_000),
    "big-log": big_log,
    "big-error": big_error,
    "big-stray": lambda _id: text("somebody-else", "x" * 3_000_000),
    "noise": noise,
    "stray": lambda _id: text("somebody-else", "hello"),
    "family": family,
    "deaf": deaf,
    "mute": mute,
    "chatter": chatter,
    "refuse": refuse,
    "change": change,
}


def call(id_: object, params: dict[str, Any]) -> None:
    name = params["name"]
    note(f"called-{name}")
    if name == "echo":
        text(id_, json.dumps(params.get("arguments", {})))
    else:
        WAYS[name](id_)


def begin(id_: object, params: dict[str, Any]) -> None:
    result = {
        "protocolVersion": params["protocolVersion"],
        "capabilities": {"tools": {}},
        "serverInfo": {"name": "odd", "version": "1"},
    }
    send({"id": id_, "result": result})


def answer(message: dict[str, Any]) -> None:
    id_, params = message.get("id"), message.get("params", {})
    match message["method"]:
        case "initialize":
            begin(id_, params)
        case "tools/list":
            tools = [{"name": one, "inputSchema": {"type": "object"}} for one in ("echo", *WAYS)]
            send({"id": id_, "result": {"tools": tools}})
        case "tools/call":
            call(id_, params)
        case "notifications/cancelled":
            note("cancelled")
        case "ping":
            send({"id": id_, "result": {}})
        case _:
            if id_ is not None:
                send({"id": id_, "error": {"code": -32601, "message": "Method not found"}})


note(f"began-{os.getpid()}")
for line in sys.stdin:
    answer(json.loads(line))
