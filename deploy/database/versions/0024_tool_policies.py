"""What operators know of tools."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "0024"
down_revision: str | None = "0023"


def upgrade() -> None:
    """Go from 0023 to 0024."""
    op.create_table(
        "mcp_tool_policies",
        sa.Column("tenant_id", sa.String(63), nullable=False),
        sa.Column("server_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(128, collation="C"), nullable=False),
        sa.Column("policy", JSONB(), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column(
            "changed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("tenant_id", "server_id", "name", name="pk_mcp_tool_policies"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "server_id"],
            ["mcp_servers.tenant_id", "mcp_servers.id"],
            name="fk_mcp_tool_policies_tenant_id_server_id_mcp_servers",
            ondelete="CASCADE",
        ),
    )


def downgrade() -> None:
    """Go back, and forget what was decided."""
    op.drop_table("mcp_tool_policies")
