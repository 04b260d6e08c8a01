"""Rules of a tenant in the whole product: the worker sends nothing that they deny, in no way."""

from typing import Any, Final

import pytest
import yaml

from millwright_client import Millwright, MillwrightApiError

# What this installation may reach; nothing listens there.
HERE: Final = "http://127.0.0.1:9/"
TOKEN: Final = {
    "oauth2": {
        "authority": "http://127.0.0.1:9",
        "grant": "client_credentials",
        "client": {"id": "line", "secret": "${ $secrets.key }"},
    }
}
ASKED: Final = {"message": {"messageId": "m", "role": "user", "parts": [{"text": "hi"}]}}
CALLS: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "http": ("http", {"method": "get", "endpoint": HERE}),
    "openapi": ("openapi", {"document": {"endpoint": HERE}, "operationId": "a"}),
    "grpc": (
        "grpc",
        {
            "proto": {"endpoint": f"{HERE}a.proto"},
            "service": {"name": "a.A", "host": "127.0.0.1", "port": 9},
            "method": "B",
        },
    ),
    "asyncapi": (
        "asyncapi",
        {"document": {"endpoint": HERE}, "operation": "a", "message": {"payload": {"a": 1}}},
    ),
    "a2a": ("a2a", {"method": "message/send", "server": HERE, "parameters": ASKED}),
    "mcp": ("mcp", {"method": "tools/list", "transport": {"http": {"endpoint": HERE}}}),
    "slack": ("notify", {"slack": {"url": "${ $secrets.hook }"}, "text": "hi"}),
    "webhook": ("notify", {"webhook": {"url": HERE, "type": "a.b"}, "data": {"a": 1}}),
    "token": (
        "http",
        {"method": "get", "endpoint": {"uri": "https://a.example/", "authentication": TOKEN}},
    ),
}


def definition() -> str:
    tasks = [
        {
            name: {
                "try": [{"ask": {"call": call, "with": given}}],
                "catch": {"as": "error", "do": [{"told": {"set": {"error": "${ $error }"}}}]},
                "export": {"as": f"${{ ($context // {{}}) + {{ {name}: .error }} }}"},
            }
        }
        for name, (call, given) in CALLS.items()
    ]
    return yaml.safe_dump(
        {
            "document": {
                "dsl": "1.0.3", "namespace": "tests", "name": "ways-out", "version": "1.0.0"
            },
            "use": {"secrets": ["hook", "key"]},
            "do": tasks,
            "output": {"as": "${ $context }"},
        },
        sort_keys=False,
    )  # fmt: skip


def ended(client: Millwright) -> dict[str, Any]:
    started = client.workflows.start("tests", "ways-out", input={})
    end = client.wait(started.id, timeout=120)
    assert (end.status, end.error) == ("COMPLETED", None)
    found: dict[str, Any] = end.output
    return found


def test_no_kind_of_call_goes_where_a_rule_of_the_tenant_forbids(client: Millwright) -> None:
    client.secrets.put("hook", HERE)
    client.secrets.put("key", "bcdefgh")
    client.workflows.publish(definition())
    client.egress.put(deny=["127.0.0.1"])
    found = ended(client)
    assert found.keys() == CALLS.keys()
    for name, error in found.items():
        assert "the rule is '127.0.0.1'" in str(error), name


def test_what_a_definition_uses_from_elsewhere_is_not_fetched_against_a_rule(
    client: Millwright,
) -> None:
    client.egress.put(allow=["functions.plant.example"])
    with pytest.raises(MillwrightApiError) as refused:
        client.workflows.publish(
            "document: { dsl: '1.0.3', namespace: tests, name: far, version: '1.0.0' }\n"
            f"do: [ {{ a: {{ call: '{HERE}function.yaml' }} }} ]"
        )
    assert "not among those that this tenant allows" in str(refused.value.details)
