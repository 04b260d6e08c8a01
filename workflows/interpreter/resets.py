"""A run that an operator has reset: it goes back to a moment of its history, under a new run id.

What it asks people it asks anew then. Runs that were reset before there was this have gone on
without, and are replayed so.
"""

from typing import Final

from temporalio import workflow

ASKED_ANEW: Final = "approval-asked-anew"
RESUMED_ANEW: Final = "approval-resumed-anew"
# Before, what was being told when the run was reset counted as told anew.
TOLD_ANEW: Final = "approval-told-anew"
# Events: the run has started, its first task was scheduled, and has started.
UNDISTURBED: Final = 3


def was_reset() -> bool:
    """Tell whether this run was reset, at whatever moment; also while what came before is replayed.

    No command may depend on it: whoever replays a copy of the history does so under the id of the
    run before it was reset.
    """
    info = workflow.info()
    return info.original_execution_run_id not in ("", info.run_id)
