"""When MCP servers are asked again for their tools."""

import sqlalchemy as sa
from alembic import op

revision: str = "0021"
down_revision: str | None = "0020"


def upgrade() -> None:
    """Go from 0020 to 0021; servers that were asked once are asked again soon."""
    op.create_table(
        "mcp_refreshes",
        sa.Column("tenant_id", sa.String(63), nullable=False),
        sa.Column("server_id", sa.Uuid(), nullable=False),
        sa.Column("refreshed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "server_id", name="pk_mcp_refreshes"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "server_id"],
            ["mcp_servers.tenant_id", "mcp_servers.id"],
            name="fk_mcp_refreshes_tenant_id_server_id_mcp_servers",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_mcp_refreshes_due_at", "mcp_refreshes", ["due_at"])
    op.execute(
        "insert into mcp_refreshes (tenant_id, server_id, refreshed_at, due_at) "
        "select tenant_id, id, discovered_at, now() from mcp_servers "
        "where dialect = 'mcp' and discovered_at is not null"
    )


def downgrade() -> None:
    """Go back; servers are asked again only when somebody says so."""
    op.drop_table("mcp_refreshes")
