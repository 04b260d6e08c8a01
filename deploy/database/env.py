"""Run by alembic: with the connection of `deploy.database.migrate`, or one of the settings."""

from alembic import context
from sqlalchemy import Connection

from deploy.database.tables import all_tables
from foundation.database import Database
from foundation.settings import Settings


def run(connection: Connection) -> None:
    """Run what the current alembic command wants to run."""
    context.configure(connection=connection, target_metadata=all_tables())
    with context.begin_transaction():
        context.run_migrations()


def run_with_settings() -> None:
    """Serve `alembic` on the command line."""
    database = Database(Settings().database)
    with database.engine.begin() as connection:
        run(connection)
    database.close()


if (given := context.config.attributes.get("connection")) is not None:
    run(given)
else:
    run_with_settings()
