"""`python -m workers`: one worker process."""

import uvloop

from foundation import logs
from foundation.settings import Settings
from workers.main import run

if __name__ == "__main__":
    settings = Settings()
    logs.configure(settings.log)
    uvloop.run(run(settings))
