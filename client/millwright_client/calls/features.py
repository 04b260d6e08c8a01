"""Features of the tenant: what an administrator has to enable before anybody can use it."""

from collections.abc import Sequence

from millwright_client.calls.reading import one, page, path
from millwright_client.exchange import Call, Flow, ask
from millwright_client.models import Feature, Page


def list_() -> Flow[Page[Feature]]:
    """List all features there are, and whether each is enabled."""
    return ask(Call("GET", "/tenant/features", page(Feature), safe=True))


def get(name: str) -> Flow[Feature]:
    """Look at one feature."""
    return ask(Call("GET", path("tenant", "features", name), one(Feature), safe=True))


def put(name: str, *, enabled: bool, images: Sequence[str] | None = None) -> Flow[Feature]:
    """Enable or disable a feature for the tenant.

    Args:
        images: Of `containers`, all that may be run from now on; None leaves them as they are.
    """
    where = path("tenant", "features", name)
    body = {"enabled": enabled} | ({} if images is None else {"images": list(images)})
    return ask(Call("PUT", where, one(Feature), json=body, safe=True))
