"""`millwright worker`: worker processes, with the settings of the environment."""

import argparse
import sys

import uvloop

from foundation import logs
from foundation.settings import Settings
from workers import main, programs

OK = 0


def run(flags: argparse.Namespace) -> int:
    """Work until SIGTERM or SIGINT."""
    settings = Settings()
    logs.configure(settings.log)
    if flags.processes == 1:
        uvloop.run(programs.run(settings) if flags.programs else main.run(settings))
        return OK
    from cli import fleet  # noqa: PLC0415 - what one process alone does not need

    command = [sys.executable, "-m", "workers", *(["--programs"] if flags.programs else [])]
    uvloop.run(fleet.run(flags.processes or fleet.processors(), command))
    return OK
