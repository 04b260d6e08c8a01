"""What the tools of MCP servers were, are, and would be if somebody accepted it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "0019"
down_revision: str | None = "0018"


def upgrade() -> None:
    """Go from 0018 to 0019; the next refresh makes the fingerprints of known tools anew."""
    op.add_column(
        "mcp_servers",
        sa.Column("pinning", sa.String(20), server_default="standard", nullable=False),
    )
    op.add_column("mcp_tools", sa.Column("title", sa.Text()))
    op.add_column(
        "mcp_tools", sa.Column("version", sa.Integer(), server_default="1", nullable=False)
    )
    op.create_table(
        "mcp_tool_versions",
        *_tool(),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("drift", sa.String(20)),
        sa.Column("accepted_by", sa.Text()),
        _made_at("created_at"),
        sa.PrimaryKeyConstraint(
            "tenant_id", "server_id", "name", "version", name="pk_mcp_tool_versions"
        ),
        _of_server("mcp_tool_versions"),
    )
    op.create_table(
        "mcp_tool_drifts",
        *_tool(),
        sa.Column("drift", sa.String(20), nullable=False),
        sa.Column("changes", JSONB(), nullable=False),
        _made_at("found_at"),
        sa.PrimaryKeyConstraint("tenant_id", "server_id", "name", name="pk_mcp_tool_drifts"),
        _of_server("mcp_tool_drifts"),
    )
    columns = (
        "tenant_id, server_id, name, description, input_schema, output_schema, annotations, "
        "sha256, problem, version"
    )
    op.execute(
        f"insert into mcp_tool_versions ({columns}, created_at) "  # noqa: S608 - no value in it
        f"select {columns}, discovered_at from mcp_tools"
    )


def downgrade() -> None:
    """Go back; what waited in quarantine is called again as it was accepted last."""
    op.drop_table("mcp_tool_drifts")
    op.drop_table("mcp_tool_versions")
    op.drop_column("mcp_tools", "version")
    op.drop_column("mcp_tools", "title")
    op.drop_column("mcp_servers", "pinning")


def _tool() -> list[sa.Column[object]]:
    return [
        sa.Column("tenant_id", sa.String(63), nullable=False),
        sa.Column("server_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("title", sa.Text()),
        sa.Column("description", sa.Text()),
        sa.Column("input_schema", JSONB(), nullable=False),
        sa.Column("output_schema", JSONB()),
        sa.Column("annotations", JSONB(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("problem", sa.Text()),
    ]


def _made_at(name: str) -> sa.Column[object]:
    now = sa.text("now()")
    return sa.Column(name, sa.DateTime(timezone=True), server_default=now, nullable=False)


def _of_server(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", "server_id"],
        ["mcp_servers.tenant_id", "mcp_servers.id"],
        name=f"fk_{table}_tenant_id_server_id_mcp_servers",
        ondelete="CASCADE",
    )
