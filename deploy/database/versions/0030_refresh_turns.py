"""Whose turn it is to write the tools of a server."""

import sqlalchemy as sa
from alembic import op

revision: str = "0030"
down_revision: str | None = "0029"


def upgrade() -> None:
    """Go from 0029 to 0030."""
    op.add_column("mcp_refreshes", sa.Column("turn", sa.Uuid(), nullable=True))
    op.add_column(
        "mcp_refreshes",
        sa.Column("hastened", sa.Boolean(), nullable=False, server_default=sa.false()),
    )


def downgrade() -> None:
    """Go back; whoever asks last to write is taken for the newest again."""
    op.drop_column("mcp_refreshes", "hastened")
    op.drop_column("mcp_refreshes", "turn")
