"""The ways to misbehave. Each is what a server, a proxy or a network has been seen to do."""

import asyncio
import gzip
import json
from typing import Any

from tests.faults.server import Call, FaultServer, Way

WAYS: dict[str, Way] = {}
FINE = [{"type": "text", "text": "fine"}]
MIB = 1024 * 1024
# Longer than any test waits, and no reason to wait for it at the end.
FOR_EVER_S = 3600.0


def way(function: Way) -> Way:
    WAYS[function.__name__.strip("_").replace("_", "-")] = function
    return function


def status(code: int, reason: str, **more: str) -> Way:
    head = {name.replace("_", "-"): value for name, value in more.items()}

    async def answer(call: Call) -> None:
        await call.respond(b"no", status=f"{code} {reason}", type_="text/plain", head=head)

    return answer


def body(text: bytes, type_: str = "application/json", encoding: str = "identity") -> Way:
    async def answer(call: Call) -> None:
        own = json.dumps(call.body["id"]).encode()
        await call.respond(
            text.replace(b"@id", own), type_=type_, head={"content-encoding": encoding}
        )

    return answer


# --- HTTP says what is the matter -----------------------------------------------------------------

WAYS |= {
    "400": status(400, "Bad Request"),
    "401": status(401, "Unauthorized", www_authenticate="Bearer"),
    "403": status(403, "Forbidden"),
    "404": status(404, "Not Found"),
    "408": status(408, "Request Timeout"),
    "425": status(425, "Too Early"),
    "429": status(429, "Too Many Requests"),
    "429-seconds": status(429, "Too Many Requests", retry_after="7"),
    "429-garbage": status(429, "Too Many Requests", retry_after="soon"),
    "429-year": status(429, "Too Many Requests", retry_after="31536000"),
    "500": status(500, "Internal Server Error"),
    "502": status(502, "Bad Gateway"),
    "503": status(503, "Service Unavailable", retry_after="7"),
    "504": status(504, "Gateway Timeout"),
    "redirect-metadata": status(
        307, "Temporary Redirect", location="http://169.254.169.254/latest/meta-data?token=t0p"
    ),
    "redirect-same-host": status(308, "Permanent Redirect", location="/fine/mcp"),
    "202": status(202, "Accepted"),
    "204": status(204, "No Content"),
}

# --- It is not the answer -------------------------------------------------------------------------

RESULT = b'{"jsonrpc": "2.0", "id": @id, "result": %s}'
DEEP = b"[" * 100_000 + b"]" * 100_000
WAYS |= {
    "html": body(b"<html>Please log in</html>", "text/html"),
    "html-as-json": body(b"<html>Please log in</html>"),
    "empty": body(b""),
    "half-json": body(b'{"jsonrpc": "2.0", '),
    "invalid-utf-8": body(RESULT % b'{"content": [{"type": "text", "text": "\xff\xfe"}]}'),
    "deep-json": body(RESULT % (b'{"content": [], "structuredContent": ' + DEEP + b"}")),
    "nan": body(RESULT % b'{"content": [], "structuredContent": {"n": NaN}}'),
    "wrong-id": body(b'{"jsonrpc": "2.0", "id": "other", "result": {"content": []}}'),
    "no-id": body(b'{"jsonrpc": "2.0", "result": {"content": []}}'),
    "batch": body(b'[{"jsonrpc": "2.0", "id": @id, "result": {"content": []}}]'),
    "result-and-error": body(
        b'{"jsonrpc": "2.0", "id": @id, "result": {}, "error": {"code": 1, "message": "x"}}'
    ),
    "result-is-text": body(RESULT % b'"done"'),
    "content-is-text": body(RESULT % b'{"content": "done"}'),
    "unknown-result-type": body(RESULT % b'{"resultType": "maybe", "content": []}'),
    "wrong-content-type": body(RESULT % b'{"content": []}', "image/png"),
    "not-gzip": body(RESULT % b'{"content": []}', encoding="gzip"),
}

# --- JSON-RPC says what is the matter -------------------------------------------------------------


def rpc(code: int, message: str, http: str = "200 OK") -> Way:
    async def answer(call: Call) -> None:
        error = {"code": code, "message": message}
        await call.respond(call.answer(error=error), status=http)

    return answer


WAYS |= {
    "rpc-params": rpc(-32602, "no such argument", "400 Bad Request"),
    "rpc-method": rpc(-32601, "no such method", "404 Not Found"),
    "rpc-internal": rpc(-32603, "boom"),
    "rpc-legacy-code": rpc(-32000, "stream ended"),
    "rpc-own-code": rpc(4711, "out of paper"),
}


@way
async def rpc_endless_message(call: Call) -> None:
    await call.respond(call.answer(error={"code": 4711, "message": "x" * 900_000}))


# --- The connection -------------------------------------------------------------------------------


@way
async def reset_before_body(call: Call) -> None:
    raise AssertionError(call.way)  # the connection is reset before the call is read


@way
async def reset_after_body(call: Call) -> None:
    call.reset()


@way
async def closed_after_body(call: Call) -> None:
    call.writer.close()


@way
async def half_a_head(call: Call) -> None:
    await call.send(b"HTTP/1.1 200 OK\r\ncontent-ty")
    call.writer.close()


@way
async def not_http(call: Call) -> None:
    await call.send(b"220 mail.example ESMTP\r\n")
    call.writer.close()


@way
async def half_a_body(call: Call) -> None:
    whole = call.answer(result={"content": []})
    await call.respond(whole[:20], length=len(whole))
    call.reset()


@way
async def bad_chunk(call: Call) -> None:
    await call.stream()
    await call.send(b"zz\r\nnonsense\r\n")
    call.writer.close()


@way
async def stream_ends_early(call: Call) -> None:
    await call.stream()
    await call.chunk(b": hello\n\n")
    await call.send(b"0\r\n\r\n")


@way
async def stream_is_reset(call: Call) -> None:
    await call.stream()
    await call.chunk(b'id: 7\nevent: message\ndata: {"jsonrpc": "2.0", ')
    call.reset()


@way
async def silence(call: Call) -> None:
    await asyncio.wait_for(call.gone.wait(), FOR_EVER_S)


@way
async def slow_drip(call: Call) -> None:
    """One byte now and then: no read ever takes long."""
    await call.send(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n")
    while True:
        await call.send(b" ")
        await asyncio.sleep(0.05)


@way
async def endless_stream(call: Call) -> None:
    """Events without an end, none of which is the answer."""
    await call.stream()
    noise = {"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info"}}
    while True:
        await call.event(json.dumps(noise).encode())
        await asyncio.sleep(0.01)


# --- Too much -------------------------------------------------------------------------------------


@way
async def gigabyte(call: Call) -> None:
    """A body of 1 GiB, as fast as it is taken."""
    await call.send(
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1073741824\r\n\r\n"
    )
    for _ in range(1024):
        await call.send(b" " * MIB)


@way
async def large_event(call: Call) -> None:
    await call.stream()
    await call.chunk(b"event: message\ndata: ")
    for _ in range(64):
        await call.chunk(b"x" * MIB)


@way
async def gzip_bomb(call: Call) -> None:
    text = call.answer(result={"content": [{"type": "text", "text": "x" * 64 * MIB}]})
    await call.respond(gzip.compress(text, 9), head={"content-encoding": "gzip"})


@way
async def huge_head(call: Call) -> None:
    await call.send(b"HTTP/1.1 200 OK\r\n")
    for number in range(4096):
        await call.send(f"x-{number}: {'y' * 1000}\r\n".encode())
    await call.send(b"content-length: 0\r\n\r\n")


# --- The tool -------------------------------------------------------------------------------------


@way
async def fine(call: Call) -> None:
    await call.fine()


@way
async def a_while(call: Call) -> None:
    await asyncio.sleep(0.3)
    await call.fine()


@way
async def tool_failed(call: Call) -> None:
    await call.result(content=[{"type": "text", "text": "no such sheet"}], isError=True)


@way
async def fails_then_busy(call: Call) -> None:
    """The first call of each tool may have run; those that follow have not."""
    if call.number == 1:
        await call.respond(b"no", status="500 Internal Server Error", type_="text/plain")
    else:
        await call.respond(b"no", status="429 Too Many Requests", type_="text/plain")


@way
async def question(call: Call) -> None:
    form = {"type": "object", "properties": {"line": {"type": "string"}}}
    params = {"message": "Which line?", "requestedSchema": form}
    asked = {"who": {"method": "elicitation/create", "params": params}}
    needed = {"resultType": "input_required", "requestState": "s", "inputRequests": asked}
    await call.respond(call.answer(result=needed))


@way
async def breaks_its_promise(call: Call) -> None:
    await call.result(content=[], structuredContent={"n": "many"})


@way
async def no_structured_content(call: Call) -> None:
    await call.result(content=[])


@way
async def answers_twice(call: Call) -> None:
    await call.stream()
    for text in ("first", "second"):
        content = [{"type": "text", "text": text}]
        await call.event(call.answer(result={"resultType": "complete", "content": content}))
    await call.send(b"0\r\n\r\n")


@way
async def asks_the_client(call: Call) -> None:
    """A request of its own, in the answer's stream: for what this client does not offer."""
    await call.stream()
    await call.event(
        json.dumps({"jsonrpc": "2.0", "id": "s-1", "method": "roots/list", "params": {}}).encode()
    )
    await call.event(
        call.answer(
            result={"resultType": "complete", "content": [{"type": "text", "text": "fine"}]}
        )
    )
    await call.send(b"0\r\n\r\n")


WAYS["changes-schema"] = WAYS["huge-description"] = fine
PROMISE = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}
_PROMISING = {"breaks-its-promise", "no-structured-content"}


def tools(way_: str, time: int) -> list[dict[str, Any]]:
    """What it lists, of which `time` it is asked for it."""
    own: dict[str, Any] = {"name": "t", "inputSchema": {"type": "object"}}
    if way_ in _PROMISING:
        own["outputSchema"] = PROMISE
    if way_ == "changes-schema" and time > 1:
        own["inputSchema"] = {"type": "object", "required": ["key"]}
    if way_ == "huge-description":
        own["description"] = "x" * 100 * 1024
    return [own, {**own, "name": "safe", "annotations": {"readOnlyHint": True}}]


def fault_server() -> FaultServer:
    return FaultServer(WAYS, tools)
