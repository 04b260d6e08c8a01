"""The first tables: accounts, signing keys, MCP servers, published workflows."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision: str = "0001"
down_revision: str | None = None

# In the order in which they can be dropped.
TABLES = (
    "refresh_tokens",
    "login_sessions",
    "users",
    "tenants",
    "signing_keys",
    "mcp_tools",
    "mcp_servers",
    "workflow_definitions",
)


def upgrade() -> None:
    """Go from an empty database to 0001."""
    _tenants_and_users()
    _sessions()
    _signing_keys()
    _mcp_servers()
    _mcp_tools()
    _workflow_definitions()


def downgrade() -> None:
    """Go back, and lose everything."""
    for table in TABLES:
        op.drop_table(table)


def _tenant_id() -> sa.Column[str]:
    return sa.Column("tenant_id", sa.String(63), nullable=False)


def _made_at(name: str = "created_at") -> sa.Column[object]:
    now = sa.text("now()")
    return sa.Column(name, sa.DateTime(timezone=True), server_default=now, nullable=False)


def _maybe_at(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True))


def _tenants_and_users() -> None:
    op.create_table(
        "tenants",
        sa.Column("id", sa.String(63), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        _made_at(),
        sa.PrimaryKeyConstraint("id", name="pk_tenants"),
    )
    op.create_table(
        "users",
        _tenant_id(),
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("roles", ARRAY(sa.Text()), nullable=False),
        _maybe_at("disabled_at"),
        _made_at(),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_users"),
        sa.UniqueConstraint("tenant_id", "email", name="uq_users_tenant_id_email"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_users_tenant_id_tenants"),
    )
    op.create_index("ix_users_email", "users", ["email"])


def _sessions() -> None:
    op.create_table(
        "login_sessions",
        _tenant_id(),
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("user_id", sa.String(32), nullable=False),
        _made_at(),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        _maybe_at("revoked_at"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_login_sessions"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "user_id"],
            ["users.tenant_id", "users.id"],
            name="fk_login_sessions_tenant_id_user_id_users",
            ondelete="CASCADE",
        ),
    )
    op.create_index(
        "ix_login_sessions_tenant_id_user_id", "login_sessions", ["tenant_id", "user_id"]
    )
    op.create_table(
        "refresh_tokens",
        _tenant_id(),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("family", sa.String(32), nullable=False),
        _made_at("issued_at"),
        _maybe_at("used_at"),
        sa.PrimaryKeyConstraint("tenant_id", "hash", name="pk_refresh_tokens"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "family"],
            ["login_sessions.tenant_id", "login_sessions.id"],
            name="fk_refresh_tokens_tenant_id_family_login_sessions",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_refresh_tokens_tenant_id_family", "refresh_tokens", ["tenant_id", "family"])


def _signing_keys() -> None:
    made = sa.text("clock_timestamp()")
    op.create_table(
        "signing_keys",
        sa.Column("kid", sa.String(43), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=made, nullable=False),
        _maybe_at("retired_at"),
        sa.PrimaryKeyConstraint("kid", name="pk_signing_keys"),
    )


def _mcp_servers() -> None:
    op.create_table(
        "mcp_servers",
        _tenant_id(),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(63), nullable=False),
        sa.Column("dialect", sa.String(20), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("credential_kind", sa.String(20), nullable=False),
        sa.Column("credential_header", sa.String(128)),
        sa.Column("credential_sealed", sa.Text()),
        sa.Column("protocol", JSONB()),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("timeout_s", sa.Double(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        _made_at(),
        _made_at("updated_at"),
        _maybe_at("discovered_at"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_mcp_servers"),
        sa.UniqueConstraint("tenant_id", "name", name="uq_mcp_servers_tenant_id_name"),
    )


def _mcp_tools() -> None:
    op.create_table(
        "mcp_tools",
        _tenant_id(),
        sa.Column("server_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("description", sa.Text()),
        sa.Column("input_schema", JSONB(), nullable=False),
        sa.Column("output_schema", JSONB()),
        sa.Column("annotations", JSONB(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("problem", sa.Text()),
        _made_at("discovered_at"),
        sa.PrimaryKeyConstraint("tenant_id", "server_id", "name", name="pk_mcp_tools"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "server_id"],
            ["mcp_servers.tenant_id", "mcp_servers.id"],
            name="fk_mcp_tools_tenant_id_server_id_mcp_servers",
            ondelete="CASCADE",
        ),
    )


def _workflow_definitions() -> None:
    key = ("tenant_id", "namespace", "name", "version")
    op.create_table(
        "workflow_definitions",
        _tenant_id(),
        sa.Column("namespace", sa.String(63, collation="C"), nullable=False),
        sa.Column("name", sa.String(63, collation="C"), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("precedence", sa.Text(collation="C"), nullable=False),
        sa.Column("prerelease", sa.Boolean(), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("title", sa.Text()),
        sa.Column("summary", sa.Text()),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("published_by", sa.Text(), nullable=False),
        _made_at("published_at"),
        sa.PrimaryKeyConstraint(*key, name="pk_workflow_definitions"),
    )
    op.create_index("ix_workflow_definitions_hash", "workflow_definitions", ["tenant_id", "hash"])
    op.create_index(
        "ix_workflow_definitions_newest",
        "workflow_definitions",
        ["tenant_id", "namespace", "name", "prerelease", "precedence"],
    )
