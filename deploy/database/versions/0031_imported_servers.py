"""Servers that were imported: from which document, and headers that are no secret."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "0031"
down_revision: str | None = "0030"


def upgrade() -> None:
    """Go from 0030 to 0031."""
    op.add_column("mcp_servers", sa.Column("headers", JSONB(), nullable=True))
    op.add_column("mcp_servers", sa.Column("imported", JSONB(), nullable=True))


def downgrade() -> None:
    """Go back; servers are called without their plain headers then."""
    op.drop_column("mcp_servers", "imported")
    op.drop_column("mcp_servers", "headers")
