"""Servers that are programs: what they are given besides."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "0026"
down_revision: str | None = "0025"


def upgrade() -> None:
    """Go from 0025 to 0026."""
    op.add_column("mcp_servers", sa.Column("arguments", JSONB(), nullable=True))


def downgrade() -> None:
    """Go back; what is registered as a program goes, for the version before cannot call it."""
    op.execute("delete from mcp_servers where dialect = 'stdio'")
    op.drop_column("mcp_servers", "arguments")
