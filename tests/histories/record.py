"""Record the histories of all cases: `python -m tests.histories.record [--force]`.

Refuses when commands changed and the engine did not; `--force` is for what was never released.
"""

import os
import sys

import pytest

if __name__ == "__main__":
    os.environ["MILLWRIGHT_TEST_RECORD"] = "force" if "--force" in sys.argv else "yes"
    target = "tests/histories/recording.py"
    sys.exit(pytest.main([target, "-n", "0", "-q", "-p", "no:randomly", "--timeout", "300"]))
