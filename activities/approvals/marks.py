"""What stands for a link to an approval until a mail is sent to the one who decides with it.

Neither the history of a run nor anybody else may have the link itself.
"""

import re
from typing import Final

MARK: Final = re.compile(r"\[\[approval-link:([0-9a-f]{32})\]\]")
# Within an address the link would go to whoever that belongs to, with all that it permits.
ALONE: Final = re.compile(rf"(?<!\S){MARK.pattern}(?!\S)")


def mark(approval_id: str) -> str:
    """Return what stands for the recipient's own link to an approval."""
    return f"[[approval-link:{approval_id}]]"
