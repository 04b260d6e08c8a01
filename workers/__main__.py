"""`python -m workers`: one worker process; with `--programs` one that runs programs only."""

import argparse

import uvloop

from foundation import logs
from foundation.settings import Settings
from workers import main, programs

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m workers")
    parser.add_argument(
        "--programs", action="store_true", help="run programs in the sandbox, and nothing else"
    )
    flags = parser.parse_args()
    settings = Settings()
    logs.configure(settings.log)
    uvloop.run(programs.run(settings) if flags.programs else main.run(settings))
