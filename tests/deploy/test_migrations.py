import sys
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from pydantic import SecretStr
from sqlalchemy import Connection, inspect, text

from deploy.database.migrate import _config, current, head, upgrade
from deploy.database.tables import PACKAGES, ROOT, all_tables
from deploy.local.ports import free_port
from deploy.local.processes import Child, Program
from foundation.database import Database
from foundation.errors import UnavailableError
from foundation.settings import DatabaseSettings

COLUMNS = """
    select table_name, column_name, data_type, character_maximum_length, collation_name,
           is_nullable, column_default
    from information_schema.columns where table_schema = 'public'"""
CONSTRAINTS = """
    select conname, pg_get_constraintdef(oid)
    from pg_constraint where connamespace = 'public'::regnamespace"""
INDEXES = "select indexname, indexdef from pg_indexes where schemaname = 'public'"


def schema(connection: Connection) -> set[tuple[object, ...]]:
    """Describe all tables, without the order of their columns."""
    queries = (COLUMNS, CONSTRAINTS, INDEXES)
    return {tuple(row) for query in queries for row in connection.execute(text(query))}


@pytest.fixture
def empty(empty_database_url: str) -> DatabaseSettings:
    return DatabaseSettings(url=SecretStr(empty_database_url))


def test_the_migrations_make_exactly_the_tables_that_the_code_declares(
    empty: DatabaseSettings,
) -> None:
    upgrade(empty)
    database = Database(empty)
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, all_tables()) == []
    database.close()


def test_a_migrated_database_is_what_the_code_would_make_to_the_last_constraint(
    empty: DatabaseSettings,
) -> None:
    upgrade(empty)
    database = Database(empty)
    with database.engine.begin() as connection:
        connection.execute(text("drop table alembic_version"))
        migrated = schema(connection)
        all_tables().drop_all(connection)
        all_tables().create_all(connection)
        assert migrated == schema(connection)
    database.close()


def test_tables_are_declared_only_where_migrations_look_for_them() -> None:
    declaring = {
        file.name
        for package in PACKAGES
        for file in (ROOT / package).rglob("*.py")
        if "__tablename__" in file.read_text()
    }
    assert declaring == {"models.py"}


def test_an_empty_database_is_at_no_migration(empty: DatabaseSettings) -> None:
    assert current(empty) is None
    assert upgrade(empty) == current(empty) == head()


def test_upgrading_again_changes_nothing(empty: DatabaseSettings) -> None:
    upgrade(empty)
    database = Database(empty)
    with database.session() as session:
        session.execute(text("insert into tenants (id, name) values ('plant-7', 'Plant 7')"))
    upgrade(empty)
    with database.session() as session:
        assert session.execute(text("select id from tenants")).scalar() == "plant-7"
    database.close()


def test_several_processes_may_upgrade_at_once(empty: DatabaseSettings, tmp_path: Path) -> None:
    code = (
        "from deploy.database.migrate import upgrade; "
        "from foundation.settings import Settings; upgrade(Settings().database)"
    )
    environment = {"MILLWRIGHT_DATABASE_URL": empty.url.get_secret_value()}
    python = (sys.executable, "-c", code)
    children = [
        Child(Program(name, python, tmp_path / f"{name}.log", environment)) for name in ("a", "b")
    ]
    for child in children:
        assert child.wait(30)
        assert child.returncode == 0, child.report("failed")
    assert current(empty) == head()


def test_processes_of_the_version_before_can_write_on_after_each_upgrade(
    empty: DatabaseSettings,
) -> None:
    """They name no column that they do not know."""
    database = Database(empty)
    config = _config()
    versions = [each.revision for each in ScriptDirectory.from_config(config).walk_revisions()]
    known: dict[str, set[str]] = {}
    for version in reversed(versions):
        with database.engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, version)
            now = inspect(connection)
            for table, columns in known.items():
                if now.has_table(table):
                    new = [each for each in now.get_columns(table) if each["name"] not in columns]
                    needed = [
                        each["name"] for each in new if not each["nullable"] and not each["default"]
                    ]
                    assert not needed, f"{version} needs {needed} of {table}"
            known = {
                table: {each["name"] for each in now.get_columns(table)}
                for table in now.get_table_names()
            }
    database.close()


def test_an_upgrade_can_be_taken_back(empty: DatabaseSettings) -> None:
    upgrade(empty)
    database = Database(empty)
    with database.engine.begin() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    assert inspect(database.engine).get_table_names() == ["alembic_version"]
    database.close()


def test_a_database_that_is_not_there_is_a_message() -> None:
    url = f"postgresql+psycopg://millwright@127.0.0.1:{free_port()}/millwright"
    with pytest.raises(UnavailableError, match="MILLWRIGHT_DATABASE_URL"):
        upgrade(DatabaseSettings(url=SecretStr(url)))
