"""Which run told of an approval last, and when, and which had asked when a link was made.

A run that was reset goes back in what it says, and asks anew.
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0017"
down_revision: str | None = "0016"


def upgrade() -> None:
    """Go from 0016 to 0017."""
    op.add_column("approvals", sa.Column("told_by", sa.Text(), nullable=False, server_default=""))
    op.add_column(
        "approvals",
        sa.Column(
            "told_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()
        ),
    )
    op.add_column(
        "approval_links", sa.Column("asked_by", sa.Text(), nullable=False, server_default="")
    )


def downgrade() -> None:
    """Go back; approvals of runs that are reset cannot be decided then."""
    op.drop_column("approval_links", "asked_by")
    op.drop_column("approvals", "told_at")
    op.drop_column("approvals", "told_by")
