"""What stands in for tools: their last good results, and which calls were degraded."""

import sqlalchemy as sa
from alembic import op

revision: str = "0029"
down_revision: str | None = "0028"


def upgrade() -> None:
    """Go from 0028 to 0029."""
    op.add_column("mcp_call_logs", sa.Column("fallback", sa.String(20), nullable=True))
    op.create_table(
        "mcp_last_results",
        sa.Column("tenant_id", sa.String(63), nullable=False),
        sa.Column("server_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(128, collation="C"), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("arguments", sa.String(64), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id", "server_id", "name", "sha256", "arguments", name="pk_mcp_last_results"
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "server_id"],
            ["mcp_servers.tenant_id", "mcp_servers.id"],
            name="fk_mcp_last_results_tenant_id_server_id_mcp_servers",
            ondelete="CASCADE",
        ),
    )
    op.create_index(
        "ix_mcp_last_results_tenant_id_server_id_name_at",
        "mcp_last_results",
        ["tenant_id", "server_id", "name", "at"],
    )


def downgrade() -> None:
    """Go back; policies lose what the version before does not understand."""
    op.execute("update mcp_tool_policies set policy = policy - 'fallback'")
    op.drop_table("mcp_last_results")
    op.drop_column("mcp_call_logs", "fallback")
