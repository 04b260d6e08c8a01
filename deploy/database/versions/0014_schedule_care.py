"""Who takes care of the schedule of a definition, and why that does not succeed."""

import sqlalchemy as sa
from alembic import op

revision: str = "0014"
down_revision: str | None = "0013"


def upgrade() -> None:
    """Go from 0013 to 0014."""
    op.add_column("definition_schedules", sa.Column("held_by", sa.String(32), nullable=True))
    op.add_column(
        "definition_schedules",
        sa.Column("attempts", sa.Integer(), nullable=False, server_default=sa.text("0")),
    )
    op.add_column("definition_schedules", sa.Column("trouble", sa.Text(), nullable=True))
    op.add_column("definition_listenings", sa.Column("trouble", sa.Text(), nullable=True))


def downgrade() -> None:
    """Go back, and forget why something does not succeed."""
    op.drop_column("definition_listenings", "trouble")
    op.drop_column("definition_schedules", "trouble")
    op.drop_column("definition_schedules", "attempts")
    op.drop_column("definition_schedules", "held_by")
