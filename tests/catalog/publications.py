"""Texts that use things elsewhere, who publishes them, and what is elsewhere."""

from typing import Any

import pytest

from security.principal import Principal
from tests.fixtures.plant import HOST, Plant
from workflows.catalog.publishing import Publisher
from workflows.definition import InvalidDefinitionError
from workflows.definition.findings import Finding

HEAD = "document: { dsl: '1.0.3', namespace: plant, name: caller, version: '1.0.0' }\n"
WHERE = "/functions/log/1.0.0/function.yaml"
FUNCTION = "input: { schema: { document: { type: object } } }\nset: { said: '${ .message }' }\n"
CALLS = HEAD + (
    f"use: {{ catalogs: {{ global: {{ endpoint: 'http://{HOST}' }} }} }}\n"
    "do: [ { say: { call: 'log:1.0.0@global', with: { message: hello } } } ]\n"
)
OWN = HEAD + "do: [ { say: { call: 'log:1.0.0@default', with: { message: hello } } } ]\n"
ALL = frozenset({"workflow:create", "workflow:execute", "workflow:read"})


def somebody(tenant: str = "t1", permissions: frozenset[str] = ALL) -> Principal:
    return Principal(tenant, "u1", "a@b.example", frozenset(), permissions)


def has(plant: Plant, path: str, text: str, **more: Any) -> None:
    plant.answers[path] = [{"text": text, "headers": {"content-type": "text/plain"}, **more}]


async def refused(publisher: Publisher, text: str, who: Principal | None = None) -> Finding:
    with pytest.raises(InvalidDefinitionError) as error:
        await publisher.publish(who or somebody(), text.encode())
    (finding,) = error.value.findings
    return finding
