"""Sizes that several floors count on.

None is a setting: replays must decide as the first run did.
"""

from typing import Final

# A payload from this size on is kept in the blob store, and history has a reference.
INLINE_BYTES: Final = 64 * 1024
# One value as JSON. Temporal gives up on a worker that computes for 2 s, and reading 8 MB takes
# 0.7 s on a slow machine.
MAX_VALUE_BYTES: Final = 8_000_000
# What a caller may give a run, or a call may answer: room is left for what goes around it.
MAX_INPUT_BYTES: Final = 4_000_000
MAX_ANSWER_BYTES: Final = 7_500_000
