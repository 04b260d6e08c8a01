"""The trace that a call of a tool is part of."""

import sqlalchemy as sa
from alembic import op

revision: str = "0025"
down_revision: str | None = "0024"


def upgrade() -> None:
    """Go from 0024 to 0025."""
    op.add_column("mcp_call_logs", sa.Column("trace_id", sa.String(32), nullable=True))


def downgrade() -> None:
    """Go back; traces are looked for elsewhere again."""
    op.drop_column("mcp_call_logs", "trace_id")
