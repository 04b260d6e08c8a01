"""Definitions: publish, check, list, look at; and start a run of one."""

import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import httpx

from millwright_client.calls.reading import given, one, page, path
from millwright_client.exchange import Call, Flow, ask
from millwright_client.models import Definition, DefinitionSummary, Page, Started, Validation

T = TypeVar("T")


def publish(definition: str | bytes | Mapping[str, Any]) -> Flow[Definition]:
    """Publish a definition. Publishing the very same again changes nothing.

    Args:
        definition: YAML or JSON text, or the same as a dictionary.

    Raises:
        MillwrightApiError: With the findings in `details`, when it cannot be published.
    """
    return ask(_text("/workflows", definition, one(Definition)))


def validate(definition: str | bytes | Mapping[str, Any]) -> Flow[Validation]:
    """Check a definition without publishing it."""
    return ask(_text("/workflows/validate", definition, one(Validation)))


def list_(
    *,
    namespace: str | None = None,
    page_size: int | None = None,
    page_token: str | None = None,
) -> Flow[Page[DefinitionSummary]]:
    """List published definitions."""
    params = given(namespace=namespace, page_size=page_size, page_token=page_token)
    return ask(Call("GET", "/workflows", page(DefinitionSummary), params=params, safe=True))


def versions(
    namespace: str,
    name: str,
    *,
    page_size: int | None = None,
    page_token: str | None = None,
) -> Flow[Page[DefinitionSummary]]:
    """List the versions of a definition, newest first."""
    where = path("workflows", namespace, name, "versions")
    params = given(page_size=page_size, page_token=page_token)
    return ask(Call("GET", where, page(DefinitionSummary), params=params, safe=True))


def get(namespace: str, name: str, version: str | None = None) -> Flow[Definition]:
    """Return one version of a definition, the newest without `version`."""
    where = path("workflows", namespace, name)
    if version is not None:
        where += path("versions", version)
    return ask(Call("GET", where, one(Definition), safe=True))


def start(
    namespace: str,
    name: str,
    *,
    input: Any = None,  # noqa: A002 - its name in the API
    version: str | None = None,
    idempotency_key: str | None = None,
) -> Flow[Started]:
    """Start a run.

    There is always an idempotency key, so a start whose answer got lost is repeated without
    starting a second run.

    Args:
        version: The newest published one when left out.
        idempotency_key: Yours, when a later start of your program must find the same run.
    """
    return ask(
        Call(
            "POST",
            path("workflows", namespace, name, "instances"),
            one(Started),
            json={"input": input} | given(version=version),
            headers={"Idempotency-Key": idempotency_key or _new_key()},
            safe=True,
        )
    )


def _text(
    where: str, definition: str | bytes | Mapping[str, Any], read: Callable[[httpx.Response], T]
) -> Call[T]:
    if isinstance(definition, Mapping):
        return Call("POST", where, read, json=dict(definition), safe=True)
    content = definition.encode() if isinstance(definition, str) else definition
    headers = {"Content-Type": "application/yaml"}
    return Call("POST", where, read, content=content, headers=headers, safe=True)


def _new_key() -> str:
    # Sorts by time, as the keys that the API makes.
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(10)}"
