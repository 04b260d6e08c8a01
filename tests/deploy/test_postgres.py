import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from deploy.local.postgres import OWNER, PostgresOptions, postgres_ready, start_postgres
from deploy.local.processes import Child, ProcessError, Program, last_lines
from tests.deploy.proc import exists, leftovers, until


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> PostgresOptions:
    folder = tmp_path_factory.mktemp("server")
    return PostgresOptions(folder / "postgres", folder / "postgres.log")


@contextmanager
def running(options: PostgresOptions) -> Iterator[psycopg.Connection]:
    server = start_postgres(options)
    try:
        postgres_ready(server, options)
        with psycopg.connect(host=str(options.sockets), user=OWNER, dbname=OWNER) as connection:
            yield connection
    finally:
        server.stop()


def test_rows_survive_a_restart(options: PostgresOptions) -> None:
    with running(options) as connection:
        connection.execute("create table if not exists kept as select 42 as answer")
        connection.commit()
    with running(options) as connection:
        assert connection.execute("select answer from kept").fetchone() == (42,)


def test_it_listens_on_no_network_and_admits_only_our_own_user(options: PostgresOptions) -> None:
    with running(options) as connection:
        assert connection.execute("show listen_addresses").fetchone() == ("",)
        rules = connection.execute("select database, user_name, auth_method from pg_hba_file_rules")
        assert rules.fetchall() == [(["all"], [OWNER], "peer")]
        assert options.sockets.stat().st_mode & 0o077 == 0


def test_a_new_server_waits_for_one_whose_parent_was_killed(options: PostgresOptions) -> None:
    code = (
        "import signal; from pathlib import Path; "
        "from deploy.local.postgres import PostgresOptions, start_postgres, postgres_ready; "
        f"options = PostgresOptions(Path({str(options.folder)!r}), Path({str(options.log)!r})); "
        "server = start_postgres(options); postgres_ready(server, options); "
        "print(server.pid, flush=True); signal.pause()"
    )
    log = options.folder.with_name("parent.log")
    parent = Child(Program("The parent", (sys.executable, "-c", code), log))
    parent.wait_ready(lambda: bool(last_lines(log)), 30)
    server = int(last_lines(log)[0])
    os.kill(parent.pid, signal.SIGKILL)
    parent.stop()
    with running(options) as connection:
        assert connection.execute("select 1").fetchone() == (1,)
    assert until(lambda: not exists(server))
    assert leftovers(options.folder, [server]) == []


def test_a_path_that_is_too_long_for_a_socket_is_no_obstacle(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 90)
    options = PostgresOptions(folder / "postgres", folder / "postgres.log", throw_away=True)
    with running(options) as connection:
        assert connection.execute("select 1").fetchone() == (1,)
    assert not options.sockets.is_relative_to(tmp_path)
    options.sockets.rmdir()


def test_a_folder_of_another_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    options = PostgresOptions(tmp_path / "postgres", tmp_path / "postgres.log")
    options.data.mkdir(parents=True)
    (options.data / "PG_VERSION").write_text("16\n")
    with pytest.raises(ProcessError, match=r"made by PostgreSQL 16 and this is PostgreSQL \d\d"):
        start_postgres(options)
    assert [file.name for file in options.data.iterdir()] == ["PG_VERSION"]


def test_a_half_made_cluster_is_made_again(tmp_path: Path) -> None:
    options = PostgresOptions(tmp_path / "postgres", tmp_path / "postgres.log", throw_away=True)
    unfinished = options.folder / "data.unfinished"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n")
    with running(replace(options, throw_away=True)) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    options = PostgresOptions(tmp_path / "postgres", tmp_path / "postgres.log", throw_away=True)
    with running(options):
        pass
    (options.data / "postgresql.conf").write_text("max_connections = many\n")
    server = start_postgres(options)
    with pytest.raises(ProcessError, match=r"PostgreSQL ended with status 1(.|\n)*max_connections"):
        postgres_ready(server, options)
    assert server.returncode != -signal.SIGKILL
