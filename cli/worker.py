"""`millwright worker`: one worker process, with the settings of the environment."""

import argparse

import uvloop

from foundation import logs
from foundation.settings import Settings
from workers import main, programs

OK = 0


def run(flags: argparse.Namespace) -> int:
    """Work until SIGTERM or SIGINT."""
    settings = Settings()
    logs.configure(settings.log)
    uvloop.run(programs.run(settings) if flags.programs else main.run(settings))
    return OK
