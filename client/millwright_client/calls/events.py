"""Events: send them to the instances that wait for them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from millwright_client.calls.reading import one
from millwright_client.exchange import Call, Flow, ask
from millwright_client.models import PublishedEvents

BATCH: Final = "application/cloudevents-batch+json"


def publish(*events: Mapping[str, Any]) -> Flow[PublishedEvents]:
    """Send CloudEvents. When this returns they are kept, and come to all who wait for them.

    Args:
        events: At most 100, each with `id`, `source`, `type` and perhaps `data`. The same source
            and id is the same event: sending it again is safe.
    """
    filled: Sequence[Mapping[str, Any]] = [{"specversion": "1.0", **event} for event in events]
    return ask(
        Call(
            "POST",
            "/events",
            one(PublishedEvents),
            content=json.dumps(filled).encode(),
            headers={"Content-Type": BATCH},
            safe=True,
        )
    )
