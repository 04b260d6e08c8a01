"""Where the conformance kit and public data are; the tests that read them are skipped without."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDER = Path(os.environ.get("MILLWRIGHT_TEST_SHARED", ROOT.parent / "shared")).resolve()


def shared(path: str) -> Path:
    """Return a path below the shared data; skips the whole test module when it is not there."""
    found = FOLDER / path
    if not found.exists() and os.environ.get("MILLWRIGHT_TEST_REQUIRE_SHARED"):
        raise FileNotFoundError(f"{found} is required by MILLWRIGHT_TEST_REQUIRE_SHARED")
    if not found.exists():
        pytest.skip(f"skipped: no {found} (set MILLWRIGHT_TEST_SHARED)", allow_module_level=True)
    return found
