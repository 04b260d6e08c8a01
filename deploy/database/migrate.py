"""Bring a database up to date, from any number of processes at once.

The migrations themselves are in `versions/`; each has a number, and `alembic_version` holds the
number of the last one that ran. A new one is written with

    alembic -c deploy/database/alembic.ini revision --autogenerate --rev-id 0002 -m "what changes"
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from foundation.database import Database
from foundation.settings import DatabaseSettings

FOLDER = Path(__file__).parent
# Any number will do that no other program uses with the same database: "millwrig" in ASCII.
LOCK = 0x6D696C6C77726967


def upgrade(settings: DatabaseSettings) -> str:
    """Run all migrations that have not run yet; one process does it, the others wait for it.

    Returns:
        The number of the last migration.

    Raises:
        UnavailableError: When the database cannot be reached.
    """
    database = Database(settings)
    try:
        database.ping()
        with database.engine.connect() as waiting:
            # Belongs to this connection: gone with it, however this process ends.
            waiting.execute(text("select pg_advisory_lock(:key)"), {"key": LOCK})
            waiting.commit()
            _run_migrations(database)
            waiting.execute(text("select pg_advisory_unlock(:key)"), {"key": LOCK})
            waiting.commit()
    finally:
        database.close()
    return head()


def current(settings: DatabaseSettings) -> str | None:
    """Read which migration ran last; None for a database without our tables.

    Raises:
        UnavailableError: When the database cannot be reached.
    """
    database = Database(settings)
    try:
        database.ping()
        with database.engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    finally:
        database.close()


def head() -> str:
    """Name the newest migration of this code."""
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


def _run_migrations(database: Database) -> None:
    with database.engine.begin() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    return config
