"""How often a process of ours looks for garbage.

Almost nothing here is part of a cycle, so that collections find nothing; Python's own settings
start one after 700 new objects, and a definition of a hundred tasks makes a hundred thousand.
"""

import gc
from typing import Final

# New objects until the youngest are looked through, and how often that happens before older ones
# are: at worst some 300,000 objects (40 MB) lie about, such as those of runs that were evicted.
THRESHOLDS: Final = (20_000, 5, 3)


def settle() -> None:
    """Let collections be rare, and leave out of them what exists now.

    Call it once everything is built that lasts as long as the process: a full collection that looks
    through all of it stops the process for 40 ms.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
