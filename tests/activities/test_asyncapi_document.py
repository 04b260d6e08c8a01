"""What a task means in an AsyncAPI document of either version."""

from typing import Any

import pytest

from activities.asyncapi.document import Address, Verb, address_of
from activities.asyncapi.types import AsyncApiCall, AsyncApiPublish
from activities.http.errors import OperationError

SERVERS_2 = {
    "events": {"url": "kafka.example:9092", "protocol": "kafka"},
    "plain": {"url": "broker.example", "protocol": "mqtt"},
    "five": {"url": "mqtt://broker.example:1884", "protocol": "mqtt", "protocolVersion": "5.0"},
    "secure": {
        "url": "mqtts://{region}.example:{port}",
        "protocol": "secure-mqtt",
        "variables": {
            "region": {"default": "eu", "enum": ["eu", "us"]},
            "port": {"default": "8883"},
        },
    },
    "web": {"url": "https://api.example/v1/", "protocol": "https"},
    "sockets": {"url": "wss://broker.example", "protocol": "mqtt"},
}
VERSION_2 = {
    "asyncapi": "2.6.0",
    "servers": SERVERS_2,
    "channels": {
        "line/{line}/orders": {
            "parameters": {"line": {"$ref": "#/components/parameters/line"}},
            "publish": {"operationId": "sendOrder", "bindings": {"mqtt": {"retain": True}}},
            "subscribe": {"operationId": "takeOrders"},
        },
        "only-plain": {"servers": ["plain"], "subscribe": {}},
    },
    "components": {
        "parameters": {"line": {"location": "$message.payload#/line", "schema": {"default": "9"}}}
    },
}
VERSION_3: dict[str, Any] = {
    "asyncapi": "3.0.0",
    "servers": {
        "web": {"host": "api.example", "pathname": "/v1", "protocol": "http"},
        "broker": {"$ref": "#/components/servers/broker"},
    },
    "channels": {
        "orders": {"address": "orders", "servers": [{"$ref": "#/servers/broker"}]},
        "anywhere": {"address": "/any"},
        "unknown": {"address": None},
    },
    "operations": {
        "sendOrder": {"action": "receive", "channel": {"$ref": "#/channels/orders"}},
        "post": {
            "action": "send",
            "channel": {"$ref": "#/channels/anywhere"},
            "bindings": {"http": {"method": "PUT"}},
        },
        "lost": {"channel": {"$ref": "#/channels/unknown"}},
        "dead": {"channel": {"$ref": "#/channels/nope"}},
        "outside": {"channel": {"$ref": "https://elsewhere.example/a.json"}},
    },
    "components": {"servers": {"broker": {"host": "[::1]:1883", "protocol": "mqtt5"}}},
}


def found(document: dict[str, Any], verb: Verb = "publish", **target: Any) -> Address:
    return address_of(document, AsyncApiCall(tenant_id="t", document_uri="doc", **target), verb)


def message(payload: Any = None) -> AsyncApiPublish:
    return AsyncApiPublish(tenant_id="t", payload=payload)


def refusal(document: dict[str, Any], verb: Verb = "publish", **target: Any) -> str:
    with pytest.raises(OperationError) as error:
        found(document, verb, **target)
    return error.value.message


def test_a_channel_of_2_6_is_its_own_topic() -> None:
    address = found(VERSION_2, "subscribe", channel="only-plain")
    assert (address.server, address.host, address.port, address.tls) == (
        "plain",
        "broker.example",
        1883,
        False,
    )
    assert address.to_subscribe() == "only-plain"


@pytest.mark.parametrize(
    ("server", "protocol", "host", "port", "tls"),
    [
        ("five", "mqtt5", "broker.example", 1884, False),
        ("secure", "mqtt", "eu.example", 8883, True),
        ("web", "http", "api.example", 443, True),
    ],
)
def test_a_server_is_found_by_name(
    server: str, protocol: str, host: str, port: int, tls: bool
) -> None:
    address = found(VERSION_2, channel="line/{line}/orders", server=server)
    assert (address.protocol, address.host, address.port, address.tls) == (
        protocol,
        host,
        port,
        tls,
    )


def test_a_server_is_found_by_protocol_else_it_is_the_first_of_the_channel() -> None:
    assert found(VERSION_2, operation="sendOrder", protocol="mqtt").server == "plain"
    assert found(VERSION_2, operation="sendOrder", protocol="mqtt5").server == "five"
    assert found(VERSION_2, operation="sendOrder", protocol="http").server == "web"
    assert found(VERSION_3, operation="sendOrder").server == "broker"
    assert "'kafka'" in refusal(VERSION_2, operation="sendOrder")


def test_variables_are_those_of_the_task_then_those_of_the_document() -> None:
    given = {"region": "us", "line": 4}
    address = found(VERSION_2, operation="sendOrder", server="secure", variables=given)
    assert address.host == "us.example"
    assert address.to_publish(message()) == "line/4/orders"
    wrong = {"region": "moon"}
    assert "eu, us" in refusal(VERSION_2, operation="sendOrder", server="secure", variables=wrong)
    unknown = {"rgion": "us"}
    said = refusal(VERSION_2, operation="sendOrder", server="secure", variables=unknown)
    assert "rgion" in said
    assert "region" in said


def test_a_parameter_comes_from_the_message_or_its_default_and_matches_all_when_listening() -> None:
    address = found(VERSION_2, operation="sendOrder", protocol="mqtt")
    assert address.to_publish(message({"line": "7"})) == "line/7/orders"
    assert address.to_publish(message()) == "line/9/orders"
    assert found(
        VERSION_2, "subscribe", operation="takeOrders", protocol="mqtt"
    ).to_subscribe() == ("line/+/orders")


@pytest.mark.parametrize("line", ["+", "a/b", "#", {"a": 1}])
def test_a_parameter_cannot_reach_other_topics(line: Any) -> None:
    address = found(VERSION_2, operation="sendOrder", protocol="mqtt")
    with pytest.raises(OperationError, match="line"):
        address.to_publish(message({"line": line}))


def test_bindings_say_how_a_message_is_sent() -> None:
    assert found(VERSION_2, operation="sendOrder", protocol="mqtt5").retain
    assert found(VERSION_3, operation="post", protocol="http").method == "PUT"


def test_references_and_addresses_of_ipv6_are_followed() -> None:
    address = found(VERSION_3, operation="sendOrder")
    assert (address.protocol, address.host, address.port) == ("mqtt5", "::1", 1883)


@pytest.mark.parametrize(
    ("document", "target", "said"),
    [
        (VERSION_2, {"operation": "nope"}, "It has: sendOrder."),
        (VERSION_2, {"channel": "only-plain"}, "to publish"),
        (VERSION_3, {"channel": "nope"}, "It has: anywhere, orders, unknown."),
        (VERSION_3, {"operation": "sendOrder", "server": "web"}, "It has: broker (mqtt5)."),
        (VERSION_3, {"operation": "sendOrder", "protocol": "http"}, "that speaks http"),
        (VERSION_3, {"operation": "lost"}, "no address"),
        (VERSION_3, {"operation": "outside"}, "leads nowhere"),
        (VERSION_3, {"operation": "dead"}, "leads nowhere"),
        (VERSION_2, {"operation": "sendOrder", "server": "sockets"}, "'wss:'"),
        ({"asyncapi": "1.2.0"}, {"channel": "a"}, "AsyncAPI 1.2.0"),
        ({"asyncapi": "3.0.0", "operations": {"a": {}}}, {"operation": "a"}, "not shaped like"),
        (
            {
                "asyncapi": "2.0.0",
                "servers": {"a": {"url": "mqtt://me:word@broker.example", "protocol": "mqtt"}},
                "channels": {"a": {"publish": {}}},
            },
            {"channel": "a"},
            "no user or password",
        ),
    ],
)
def test_what_does_not_fit_is_named(
    document: dict[str, Any], target: dict[str, Any], said: str
) -> None:
    assert said in refusal(document, **target)


def test_nobody_subscribes_over_http() -> None:
    assert "nothing to subscribe to" in refusal(
        VERSION_3, "subscribe", operation="post", protocol="http"
    )
