"""One engine per process, one short session per piece of work.

Sync SQLAlchemy on purpose: run in threads it costs less CPU than its async twin, and the same
services serve API routes, activities and the command line.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final

from sqlalchemy import DateTime, Engine, MetaData, create_engine, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import DeclarativeBase, Session

from foundation.errors import UnavailableError
from foundation.json import JsonObject, JsonValue
from foundation.settings import DatabaseSettings


class Base(DeclarativeBase):
    """Base of every table. Tenant-scoped tables carry `tenant_id` first in their primary key."""

    metadata = MetaData(
        # Named constraints, so that a later migration can drop them.
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it from the class
        datetime: DateTime(timezone=True),
        JsonObject: JSONB,
        JsonValue: JSONB,
    }


# A server that hangs must not hang us: a dead peer is noticed, a statement has an end.
_PATIENCE: Final[dict[str, str | int]] = {
    "connect_timeout": 5,
    "options": "-c statement_timeout=30000 -c lock_timeout=10000",
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}


class Database:
    """The pool of one process. Built in the process's wiring function and handed down."""

    def __init__(self, settings: DatabaseSettings) -> None:
        self.engine: Engine = create_engine(
            settings.url.get_secret_value(),
            pool_size=settings.pool_size,
            max_overflow=settings.max_overflow,
            pool_timeout=settings.pool_timeout_s,
            pool_recycle=settings.pool_recycle_s,
            pool_pre_ping=True,
            connect_args=_PATIENCE,
            # An error's text goes to the log, and parameters can be hashes or sealed secrets.
            hide_parameters=True,
        )

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Work in one transaction: committed at the end, rolled back on any error.

        Raises:
            UnavailableError: When PostgreSQL cannot be reached or drops the connection, or every
                connection of this process is in use.
        """
        try:
            with Session(self.engine, expire_on_commit=False) as session, session.begin():
                yield session
        except DBAPIError as error:
            if error.connection_invalidated or not _answered(error):
                raise UnavailableError(
                    "The database cannot be reached. Check MILLWRIGHT_DATABASE_URL and the server."
                ) from error
            raise
        except PoolTimeoutError as error:
            raise UnavailableError(
                "All database connections of this process are in use. Try again, or raise "
                "MILLWRIGHT_DATABASE_POOL_SIZE."
            ) from error

    def ping(self) -> None:
        """Ask the server for one row.

        Raises:
            UnavailableError: When it does not answer.
        """
        with self.session() as session:
            session.execute(text("select 1"))

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


def _answered(error: DBAPIError) -> bool:
    """Tell a statement the server refused (it has an SQLSTATE) from a server that is not there."""
    return getattr(error.orig, "sqlstate", None) is not None
