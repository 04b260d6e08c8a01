"""The whole stack on one machine: start it, watch it, stop it.

    Temporal dev server  ─┐
    Excel MCP server     ─┤
    embedded PostgreSQL  ─┴─ migrations ── first user ─┬─ API
                                                       └─ worker

A PostgreSQL or a Temporal that the settings name is used instead of an embedded one. Everything
that starts here ends here, at the latest with this process; see `deploy.local.processes`.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from pydantic import SecretStr

from deploy.database.migrate import upgrade
from deploy.local.doors import api_ready, api_url, door_program, worker_ready
from deploy.local.excel_server import ExcelServer, excel_program, excel_ready
from deploy.local.first_user import Login, ensure_first_user
from deploy.local.folder import Folder, kept_secret, new_token
from deploy.local.plan import (
    changed,
    require_local,
    uses_own_database,
    uses_own_temporal,
    wanted_ports,
    with_local_defaults,
)
from deploy.local.ports import LOOPBACK, require_free
from deploy.local.postgres import PostgresOptions, postgres_ready, start_postgres
from deploy.local.processes import Child, ProcessError, Program, how_it_ended, stop_all
from deploy.local.temporal_server import (
    TemporalOptions,
    prepare_cluster,
    temporal_program,
    temporal_ready,
)
from foundation.settings import Settings

WATCH_S = 0.2


@dataclass(frozen=True)
class StackOptions:
    """What the caller chooses.

    Attributes:
        keep_runs: Keep Temporal's runs in a file, so that they survive a restart of the stack.
            In memory it is about three times as fast.
        excel: Also start the Excel MCP server.
    """

    keep_runs: bool = True
    excel: bool = True


@dataclass(frozen=True)
class RunningStack:
    """A stack that answers.

    Attributes:
        settings: What its API and worker run with.
        children: What was started.
        seconds: How long that took.
    """

    settings: Settings
    folder: Folder
    login: Login
    excel: ExcelServer | None
    children: list[Child]
    seconds: float

    @property
    def api_url(self) -> str:
        """Base address of the API."""
        return api_url(self.settings.api)

    def watch(self) -> None:
        """Stay until a child ends by itself.

        Raises:
            ProcessError: Naming it, with the last lines of its log.
        """
        while True:
            for child in self.children:
                if not child.alive():
                    raise ProcessError(child.report(f"ended {how_it_ended(child.returncode)}"))
            time.sleep(WATCH_S)


@contextmanager
def running_stack(settings: Settings, options: StackOptions) -> Iterator[RunningStack]:
    """Run the stack around a block of code.

    Raises:
        ConflictError: When a port or the data folder is taken; then nothing was started.
        ProcessError: When a part of it did not start.
    """
    began = time.monotonic()
    require_local(settings)
    folder = Folder(settings.local.data_dir)
    folder.require_unused()
    require_free(wanted_ports(settings, excel=options.excel))
    folder.prepare()
    with ExitStack() as cleanup:
        cleanup.enter_context(folder.occupied())
        start = _Start(with_local_defaults(settings, folder), options, folder)
        # Last in, first out: the doors close before what stands behind them.
        cleanup.callback(stop_all, start.servers)
        cleanup.callback(stop_all, start.doors)
        login = start.everything()
        yield RunningStack(
            settings=start.settings,
            folder=folder,
            login=login,
            excel=start.excel,
            children=[*start.servers, *start.doors],
            seconds=time.monotonic() - began,
        )


@dataclass
class _Start:
    """One start in progress. What runs so far is in it, also when it fails half-way."""

    settings: Settings
    options: StackOptions
    folder: Folder
    excel: ExcelServer | None = None
    servers: list[Child] = field(default_factory=list)
    doors: list[Child] = field(default_factory=list)

    def everything(self) -> Login:
        """Start all parts, each as early as it can."""
        temporal, excel = self._temporal(), self._excel()
        self._database()
        upgrade(self.settings.database)
        login = ensure_first_user(self.settings, self.folder.password)
        self._finish_temporal(temporal)
        self._doors()
        self._finish_excel(excel)
        return login

    def _temporal(self) -> Child | None:
        if uses_own_temporal(self.settings):
            return None
        local = self.settings.local
        options = TemporalOptions(
            port=local.temporal_port,
            log=self.folder.logs / "temporal.log",
            ui_port=local.ui_port,
            file=self.folder.runs if self.options.keep_runs else None,
        )
        ui_url = f"http://{LOOPBACK}:{local.ui_port}"
        self.settings = changed(self.settings, "temporal", address=options.address, ui_url=ui_url)
        return self._server(temporal_program(options))

    def _finish_temporal(self, child: Child | None) -> None:
        if child:
            temporal_ready(child, self.settings.temporal.address)
        else:
            asyncio.run(prepare_cluster(self.settings.temporal))

    def _excel(self) -> Child | None:
        if not self.options.excel:
            return None
        token = kept_secret(self.folder.excel_token, new_token())
        self.excel = ExcelServer(self.settings.local.excel_port, token, self.folder.workbooks)
        return self._server(excel_program(self.excel, self.folder.logs / "excel.log"))

    def _finish_excel(self, child: Child | None) -> None:
        if child and self.excel:
            excel_ready(child, self.excel)

    def _database(self) -> None:
        if uses_own_database(self.settings):
            return
        options = PostgresOptions(self.folder.postgres, self.folder.logs / "postgres.log")
        child = start_postgres(options)
        self.servers.append(child)
        postgres_ready(child, options)
        self.settings = changed(self.settings, "database", url=SecretStr(options.url()))

    def _doors(self) -> None:
        api, worker = self._door("API", "api"), self._door("Worker", "workers")
        api_ready(api, self.settings.api)
        worker_ready(worker, self.settings)

    def _door(self, name: str, module: str) -> Child:
        child = Child(door_program(name, module, self.folder.logs, self.settings))
        self.doors.append(child)
        return child

    def _server(self, program: Program) -> Child:
        child = Child(program)
        self.servers.append(child)
        return child
