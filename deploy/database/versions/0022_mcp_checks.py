"""Whether MCP servers answer."""

import sqlalchemy as sa
from alembic import op

revision: str = "0022"
down_revision: str | None = "0021"


def upgrade() -> None:
    """Go from 0021 to 0022; servers that were asked for their tools once are checked soon."""
    op.create_table(
        "mcp_checks",
        sa.Column("tenant_id", sa.String(63), nullable=False),
        sa.Column("server_id", sa.Uuid(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True)),
        sa.Column("healthy", sa.Boolean()),
        sa.Column("latency_ms", sa.Float()),
        sa.Column("error", sa.String(64)),
        sa.Column("problem", sa.Text()),
        sa.PrimaryKeyConstraint("tenant_id", "server_id", name="pk_mcp_checks"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "server_id"],
            ["mcp_servers.tenant_id", "mcp_servers.id"],
            name="fk_mcp_checks_tenant_id_server_id_mcp_servers",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_mcp_checks_due_at", "mcp_checks", ["due_at"])
    op.execute(
        "insert into mcp_checks (tenant_id, server_id, due_at) "
        "select tenant_id, id, now() from mcp_servers "
        "where dialect = 'mcp' and discovered_at is not null"
    )


def downgrade() -> None:
    """Go back; what was found is gone."""
    op.drop_table("mcp_checks")
