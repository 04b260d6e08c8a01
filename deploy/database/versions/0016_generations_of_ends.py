"""How far down an instance is whose end the sweep tells; a default that 0014 had dropped."""

import sqlalchemy as sa
from alembic import op

revision: str = "0016"
down_revision: str | None = "0015"


def upgrade() -> None:
    """Go from 0015 to 0016."""
    op.add_column(
        "telling_instances",
        sa.Column("generation", sa.Integer(), nullable=False, server_default=sa.text("0")),
    )
    # An early 0014 dropped it; processes of the version before do not know the column.
    op.alter_column("definition_schedules", "attempts", server_default=sa.text("0"))


def downgrade() -> None:
    """Go back."""
    op.drop_column("telling_instances", "generation")
