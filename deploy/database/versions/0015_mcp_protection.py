"""What guards an MCP server, and what an administrator decided about its breaker."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "0015"
down_revision: str | None = "0014"


def upgrade() -> None:
    """Go from 0014 to 0015."""
    op.add_column("mcp_servers", sa.Column("protection", JSONB(), nullable=True))
    op.add_column("mcp_servers", sa.Column("breaker", JSONB(), nullable=True))


def downgrade() -> None:
    """Go back: every server is guarded as the settings say, and every breaker decides itself."""
    op.drop_column("mcp_servers", "breaker")
    op.drop_column("mcp_servers", "protection")
