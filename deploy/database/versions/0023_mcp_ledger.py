"""What was sent to tools that must not run twice."""

import sqlalchemy as sa
from alembic import op

revision: str = "0023"
down_revision: str | None = "0022"


def upgrade() -> None:
    """Go from 0022 to 0023."""
    now, time = sa.text("now()"), sa.DateTime(timezone=True)
    op.create_table(
        "mcp_ledger",
        sa.Column("tenant_id", sa.String(63), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("call_id", sa.String(64), nullable=False),
        sa.Column("claim", sa.String(32), nullable=False),
        sa.Column("server", sa.Text(), nullable=False),
        sa.Column("tool", sa.Text(), nullable=False),
        sa.Column("arguments", sa.String(64), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("sent_at", time, nullable=False, server_default=now),
        sa.Column("answered_by", time, nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "key", name="pk_mcp_ledger"),
    )
    op.create_index("ix_mcp_ledger_sent_at", "mcp_ledger", ["sent_at"])


def downgrade() -> None:
    """Go back, and forget what was sent."""
    op.drop_table("mcp_ledger")
