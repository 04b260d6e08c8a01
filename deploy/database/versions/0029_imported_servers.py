"""Servers that were imported: from which document, and headers that are no secret."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "0029"
down_revision: str | None = "0028"


def upgrade() -> None:
    """Go from 0028 to 0029."""
    op.add_column("mcp_servers", sa.Column("headers", JSONB(), nullable=True))
    op.add_column("mcp_servers", sa.Column("imported", JSONB(), nullable=True))


def downgrade() -> None:
    """Go back; servers are called without their plain headers then."""
    op.drop_column("mcp_servers", "imported")
    op.drop_column("mcp_servers", "headers")
