"""All tables of the application in one place, for migrations and their test.

Every `models.py` of a package is found by its name, so no new table can be forgotten here.
"""

from importlib import import_module
from pathlib import Path

from sqlalchemy import MetaData

from foundation.database import Base

ROOT = Path(__file__).parents[2]
PACKAGES = ("security", "toolhub", "workflows")


def all_tables() -> MetaData:
    """Import every module that declares tables, and return what they declare."""
    for package in PACKAGES:
        for file in sorted((ROOT / package).rglob("models.py")):
            import_module(".".join(file.relative_to(ROOT).with_suffix("").parts))
    return Base.metadata
