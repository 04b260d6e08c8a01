"""Whose turn it is to renew what somebody has agreed to."""

import sqlalchemy as sa
from alembic import op

revision: str = "0032"
down_revision: str | None = "0031"


def upgrade() -> None:
    """Go from 0031 to 0032."""
    op.add_column("mcp_consents", sa.Column("renewal", sa.Uuid(), nullable=True))


def downgrade() -> None:
    """Go back; who is late with giving up takes the turn of whoever has it then."""
    op.drop_column("mcp_consents", "renewal")
