"""Credentials of MCP servers that get tokens: longer kinds, and what may be seen of them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "0027"
down_revision: str | None = "0026"


def upgrade() -> None:
    """Go from 0026 to 0027."""
    op.alter_column("mcp_servers", "credential_kind", type_=sa.String(40))
    op.add_column("mcp_servers", sa.Column("credential_about", JSONB(), nullable=True))


def downgrade() -> None:
    """Go back; servers whose credential the version before cannot use go, too."""
    op.execute(
        "delete from mcp_servers where credential_kind like 'oauth2-%' or credential_kind = 'query'"
    )
    op.drop_column("mcp_servers", "credential_about")
    op.alter_column("mcp_servers", "credential_kind", type_=sa.String(20))
