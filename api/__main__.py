"""`python -m api`: one API process."""

import sys

import uvloop

from api.main import run
from foundation import logs
from foundation.errors import MillwrightError
from foundation.settings import Settings

if __name__ == "__main__":
    settings = Settings()
    logs.configure(settings.log)
    try:
        uvloop.run(run(settings))
    except MillwrightError as error:
        sys.exit(error.message)
