"""Functions of the tenant's own catalogue: publish, list, look at."""

from collections.abc import Mapping
from typing import Any

from millwright_client.calls.reading import given, one, page, path
from millwright_client.exchange import Call, Flow, ask
from millwright_client.models import Function, FunctionSummary, Page


def publish(name: str, version: str, function: str | bytes | Mapping[str, Any]) -> Flow[Function]:
    """Publish a version of a function, which workflows call as `name:version@default`.

    Publishing the very same again changes nothing; a published version never changes.

    Args:
        function: One task, as YAML or JSON text, or the same as a dictionary.

    Raises:
        MillwrightApiError: With the findings in `details`, when it cannot be published.
    """
    where = path("functions", name, "versions", version)
    if isinstance(function, Mapping):
        return ask(Call("PUT", where, one(Function), json=dict(function), safe=True))
    content = function.encode() if isinstance(function, str) else function
    headers = {"Content-Type": "application/yaml"}
    return ask(Call("PUT", where, one(Function), content=content, headers=headers, safe=True))


def list_(
    *, page_size: int | None = None, page_token: str | None = None
) -> Flow[Page[FunctionSummary]]:
    """List functions by name, each with its newest version."""
    params = given(page_size=page_size, page_token=page_token)
    return ask(Call("GET", "/functions", page(FunctionSummary), params=params, safe=True))


def versions(
    name: str, *, page_size: int | None = None, page_token: str | None = None
) -> Flow[Page[FunctionSummary]]:
    """List the versions of one function, highest first."""
    where = path("functions", name, "versions")
    params = given(page_size=page_size, page_token=page_token)
    return ask(Call("GET", where, page(FunctionSummary), params=params, safe=True))


def get(name: str, version: str) -> Flow[Function]:
    """Return one version of a function."""
    return ask(Call("GET", path("functions", name, "versions", version), one(Function), safe=True))
