"""`millwright features`: what an administrator enables for the tenant."""

import argparse
import json
from dataclasses import asdict

from cli.connection import connected
from millwright_client import Feature

OK = 0


def run(flags: argparse.Namespace) -> int:
    """Do what the verb says."""
    with connected(flags) as client:
        if flags.verb == "list":
            found = client.features.list().items
        else:
            enabled = flags.verb == "enable"
            images = flags.image if enabled else None
            found = [client.features.put(flags.name, enabled=enabled, images=images)]
    if flags.json:
        shown = [asdict(each) for each in found]
        print(json.dumps(shown if flags.verb == "list" else shown[0], default=str))
    else:
        print("\n".join(_line(each) for each in found))
    return OK


def _line(feature: Feature) -> str:
    state = "enabled" if feature.enabled else "off"
    images = f": {', '.join(feature.images)}" if feature.images else ""
    return f"{feature.name:<16} {state:<8} {feature.purpose}{images}"
