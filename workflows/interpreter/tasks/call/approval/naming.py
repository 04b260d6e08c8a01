"""The id of an approval: the same on every replay, and another one for every new start."""

import uuid
from typing import Final

# Made once for this purpose.
_APPROVAL_IDS: Final = uuid.UUID("3d5d0a5e-9f2b-5a39-8a55-4c1a5d1c9f60")


def approval_id(workflow_id: str, first_run_id: str, execution: str) -> str:
    """Name the approval of one execution.

    Args:
        first_run_id: Of the run that was started; those that go on for it keep the ids. A retry is
            a new start, so what it asks is another approval, with decisions of its own.
    """
    return uuid.uuid5(_APPROVAL_IDS, f"{workflow_id} {first_run_id} {execution}").hex
