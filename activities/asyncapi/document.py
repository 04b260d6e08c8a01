"""From an AsyncAPI document (2.6 or 3.0) and a task to a server and an address on it.

Which operation a task means is looked up by name. What the operation's `action` says is not
compared with the task: some documents speak for the application they describe, others for the
one that talks to it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, TypeAlias
from urllib.parse import SplitResult, urlsplit

from activities.asyncapi.types import AsyncApiCall, AsyncApiPublish
from activities.http.descriptions import Language, resolved
from activities.http.errors import OperationError
from foundation.json import JsonObject, JsonValue

ASYNCAPI: Final = Language("AsyncAPI", frozenset({"asyncapi"}))
SUPPORTED: Final = ("http", "mqtt", "mqtt5")

Protocol: TypeAlias = Literal["http", "mqtt", "mqtt5"]
Verb: TypeAlias = Literal["publish", "subscribe"]

# How documents spell the protocols that we speak, and whether the spelling means TLS.
_SPELLED: Final[Mapping[str, tuple[Protocol, bool]]] = {
    "http": ("http", False),
    "https": ("http", True),
    "mqtt": ("mqtt", False),
    "mqtts": ("mqtt", True),
    "secure-mqtt": ("mqtt", True),
    "mqtt5": ("mqtt5", False),
    "mqtts5": ("mqtt5", True),
    "secure-mqtt5": ("mqtt5", True),
}
# What an address may begin with; `tcp` and `ssl` are how MQTT clients of others spell theirs.
_TLS_SCHEMES: Final = frozenset({"https", "mqtts", "secure-mqtt", "mqtts5", "secure-mqtt5", "ssl"})
_PLAIN_SCHEMES: Final = frozenset({"http", "mqtt", "mqtt5", "tcp"})
_PORTS: Final = {("http", False): 80, ("http", True): 443}
_MQTT_PORTS: Final = {False: 1883, True: 8883}
_VARIABLE: Final = re.compile(r"\{([^{}]+)\}")
# In a topic these mean "any", so that a value with one would reach more than was meant.
_NOT_IN_A_LEVEL: Final = re.compile(r"[+#/\x00]")


@dataclass(frozen=True)
class Address:
    """A server and what to call there.

    Attributes:
        server: Its name in the document.
        path: In front of the channel's address (HTTP).
        channel: Topic or path, its parameters still in braces.
        parameters: What the document says of those.
        method: Of the HTTP request.
        retain: Ask the broker to keep the message for later subscribers.
    """

    server: str
    protocol: Protocol
    host: str
    port: int
    tls: bool
    path: str
    channel: str
    parameters: Mapping[str, Any]
    given: JsonObject
    method: str = "POST"
    retain: bool = False

    def to_publish(self, message: AsyncApiPublish) -> str:
        """Return the topic or path for one message.

        Raises:
            OperationError: When a parameter has no value.
        """
        return self._filled(lambda name: self._value(name, message))

    def to_subscribe(self) -> str:
        """Return the topic filter; a parameter without a value matches every value."""
        return self._filled(lambda name: self.given.get(name, "+"))

    def _filled(self, value_of: Any) -> str:
        def one(match: re.Match[str]) -> str:
            value = value_of(match[1])
            if value == "+":
                return "+"
            if not isinstance(value, str | int | float) or _NOT_IN_A_LEVEL.search(str(value)):
                raise OperationError(
                    f"The parameter '{match[1]}' of the channel '{self.channel}' must be a text or "
                    "number without '/', '+' and '#'."
                )
            return str(value)

        return _VARIABLE.sub(one, self.channel)

    def _value(self, name: str, message: AsyncApiPublish) -> JsonValue:
        if name in self.given:
            return self.given[name]
        parameter = self.parameters.get(name)
        parameter = parameter if isinstance(parameter, dict) else {}
        found = _located(str(parameter.get("location", "")), message)
        if found is None:
            schema = parameter.get("schema")
            found = parameter.get("default", schema.get("default") if schema else None)
        if found is None or found == "+":
            raise OperationError(
                f"The channel '{self.channel}' needs a value for '{name}'. Give it in "
                "'server.variables', or at the place of the message that the document names."
            )
        value: JsonValue = found
        return value


def address_of(document: JsonObject, target: AsyncApiCall, verb: Verb) -> Address:
    """Find what a task means in a document.

    Raises:
        OperationError: For an unknown operation, channel, server or variable, a protocol that is
            not supported, or a document that is not shaped like one.
    """
    try:
        address = _address_of(document, target, verb)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise OperationError(
            f"{target.document_uri} is not shaped like an AsyncAPI document "
            f"({type(error).__name__}: {error})."
        ) from error
    if verb == "subscribe" and address.protocol == "http":
        raise OperationError(
            f"The server '{address.server}' speaks HTTP, which has nothing to subscribe to. "
            "Name a server that speaks mqtt or mqtt5."
        )
    return address


@dataclass(frozen=True)
class _Channel:
    """A channel and the operation on it, as written."""

    address: str
    written: Mapping[str, Any]
    operation: Mapping[str, Any]


def _address_of(document: JsonObject, target: AsyncApiCall, verb: Verb) -> Address:
    is_2 = str(document["asyncapi"]).startswith("2.")
    if not is_2 and not str(document["asyncapi"]).startswith("3."):
        raise OperationError(f"AsyncAPI {document['asyncapi']} is not supported; 2.x and 3.x are.")
    channel = (_channel_of_2 if is_2 else _channel_of_3)(document, target, verb)
    server, written = _server(document, target, channel)
    base = _located_server(server, written, target)
    bindings = _bindings(document, channel.operation, base.protocol)
    parameters = {
        name: resolved(document, item, ASYNCAPI.name)
        for name, item in _objects(channel.written.get("parameters"))
    }
    known = {*dict(_objects(written.get("variables"))), *_VARIABLE.findall(channel.address)}
    if unknown := target.variables.keys() - known:
        raise OperationError(
            f"Unknown variable: {', '.join(sorted(unknown))}. The server '{server}' and the "
            f"channel take: {', '.join(sorted(known)) or 'none'}."
        )
    return replace(
        base,
        channel=channel.address,
        parameters=parameters,
        given=target.variables,
        method=str(bindings.get("method", "POST")).upper(),
        retain=bindings.get("retain") is True,
    )


def _channel_of_2(document: JsonObject, target: AsyncApiCall, verb: Verb) -> _Channel:
    """Find a channel by its name, or by the `operationId` of what the task does there."""
    known = []
    for name, item in _objects(document.get("channels")):
        channel = resolved(document, item, ASYNCAPI.name)
        operation = channel.get(verb)
        if not isinstance(operation, dict):
            continue
        shown = name if target.operation is None else str(operation.get("operationId"))
        if shown in {target.channel, target.operation}:
            return _Channel(name, channel, operation)
        known.append(shown)
    raise _unknown(target, verb, known)


def _channel_of_3(document: JsonObject, target: AsyncApiCall, verb: Verb) -> _Channel:
    if target.operation is None:
        channels = dict(_objects(document.get("channels")))
        if target.channel not in channels:
            raise _unknown(target, verb, channels)
        written, operation = channels[target.channel], {}
    else:
        operations = dict(_objects(document.get("operations")))
        if target.operation not in operations:
            raise _unknown(target, verb, operations)
        operation = resolved(document, operations[target.operation], ASYNCAPI.name)
        written = operation["channel"]
    channel = resolved(document, written, ASYNCAPI.name)
    address = channel.get("address")
    if not isinstance(address, str):
        raise OperationError(
            "The channel of the operation has no address; this document cannot "
            "tell where to send or listen."
        )
    return _Channel(address, channel, operation)


def _unknown(target: AsyncApiCall, verb: Verb, known: Any) -> OperationError:
    what = "channel" if target.operation is None else "operation"
    shown = ", ".join(sorted(known)[:20]) or "none"
    return OperationError(
        f"The document has no {what} '{target.operation or target.channel}' to {verb}. "
        f"It has: {shown}."
    )


def _server(
    document: JsonObject, target: AsyncApiCall, channel: _Channel
) -> tuple[str, dict[str, Any]]:
    """Choose by name, else the first server of the channel that speaks the protocol asked for."""
    servers = dict(_objects(document.get("servers")))
    allowed = [_name_of(item) for item in channel.written.get("servers") or []] or list(servers)
    candidates = {
        name: resolved(document, servers[name], ASYNCAPI.name)
        for name in allowed
        if name in servers
    }
    for name, server in candidates.items():
        if target.server is not None:
            fits = name == target.server
        else:
            fits = target.protocol is None or target.protocol == _spoken(server)
        if fits:
            return name, server
    wanted = f"'{target.server}'" if target.server else f"that speaks {target.protocol}"
    shown = ", ".join(f"{name} ({_spoken(server)})" for name, server in candidates.items())
    raise OperationError(f"The channel has no server {wanted}. It has: {shown or 'none'}.")


def _name_of(server: Any) -> str:
    """Name a server of a channel: by its name in 2.6, by a reference in 3.0."""
    if isinstance(server, dict):
        return str(server["$ref"]).rpartition("/")[2].replace("~1", "/").replace("~0", "~")
    return str(server)


def _spoken(server: Mapping[str, Any]) -> str:
    """Name a server's protocol as the workflow language does."""
    spelled = str(server.get("protocol", "")).lower()
    protocol, _ = _SPELLED.get(spelled, (spelled, False))
    if protocol == "mqtt" and str(server.get("protocolVersion", "")).startswith("5"):
        return "mqtt5"
    return protocol


def _located_server(name: str, server: Mapping[str, Any], target: AsyncApiCall) -> Address:
    spoken = _spoken(server)
    if spoken not in SUPPORTED:
        raise OperationError(
            f"The server '{name}' speaks '{spoken}', which is not supported. Supported: "
            f"{', '.join(SUPPORTED)}. Name another server, or the protocol to choose one by."
        )
    protocol: Protocol = "http" if spoken == "http" else "mqtt5" if spoken == "mqtt5" else "mqtt"
    text = str(server["url"] if "url" in server else server["host"])
    text = _with_variables(text + str(server.get("pathname", "")), server, target.variables)
    # 2.6 writes a whole address or only the host, 3.0 the host.
    url = urlsplit(text if "://" in text else f"{server['protocol']}://{text}")
    if url.scheme not in _TLS_SCHEMES | _PLAIN_SCHEMES:
        raise OperationError(f"The server '{name}' is at '{url.scheme}:', which is not supported.")
    tls = url.scheme in _TLS_SCHEMES or _SPELLED[str(server["protocol"]).lower()][1]
    return Address(
        server=name,
        protocol=protocol,
        host=_host(name, url),
        port=url.port or _PORTS.get((protocol, tls), _MQTT_PORTS[tls]),
        tls=tls,
        path=url.path.rstrip("/"),
        channel="",
        parameters={},
        given={},
    )


def _host(name: str, url: SplitResult) -> str:
    if not url.hostname or url.username is not None:
        raise OperationError(
            f"The address of the server '{name}' must name a host, and no user or password."
        )
    return url.hostname


def _with_variables(text: str, server: Mapping[str, Any], given: JsonObject) -> str:
    variables = dict(_objects(server.get("variables")))

    def one(match: re.Match[str]) -> str:
        name = match[1]
        declared = variables.get(name) or {}
        value = given.get(name, declared.get("default"))
        allowed = declared.get("enum")
        if not isinstance(value, str | int) or (allowed and value not in allowed):
            raise OperationError(
                f"The variable '{name}' of the server needs a value"
                + (f" of {', '.join(map(str, allowed))}." if allowed else ".")
            )
        return str(value)

    return _VARIABLE.sub(one, text)


def _bindings(
    document: JsonObject, operation: Mapping[str, Any], protocol: Protocol
) -> dict[str, Any]:
    if "bindings" not in operation:
        return {}
    bindings = resolved(document, operation["bindings"], ASYNCAPI.name)
    # Documents write the binding of MQTT 5 as `mqtt` or `mqtt5`.
    names = (protocol, "mqtt") if protocol == "mqtt5" else (protocol,)
    found: object = next((bindings[name] for name in names if name in bindings), {})
    return found if isinstance(found, dict) else {}


def _objects(value: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, item in (value if isinstance(value, dict) else {}).items():
        if isinstance(item, dict):
            yield name, item


def _located(location: str, message: AsyncApiPublish) -> JsonValue:
    """Follow a place such as `$message.payload#/line` into a message."""
    part, _, pointer = location.partition("#")
    value: JsonValue
    match part:
        case "$message.payload":
            value = message.payload
        case "$message.header":
            value = dict(message.headers)
        case _:
            return None
    for token in pointer.split("/")[1:]:
        if not isinstance(value, dict):
            return None
        value = value.get(token.replace("~1", "/").replace("~0", "~"))
    return value
