"""Credentials of MCP servers that get tokens, and what people have agreed to."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "0027"
down_revision: str | None = "0026"


def upgrade() -> None:
    """Go from 0026 to 0027."""
    op.alter_column("mcp_servers", "credential_kind", type_=sa.String(40))
    op.add_column("mcp_servers", sa.Column("credential_about", JSONB(), nullable=True))
    op.create_table(
        "mcp_consents",
        sa.Column("tenant_id", sa.String(63), primary_key=True),
        sa.Column("server_id", sa.Uuid(), primary_key=True),
        sa.Column("credential_version", sa.String(64), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("good_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("renewed_until", sa.DateTime(timezone=True)),
        sa.Column("wanted_scopes", JSONB(), server_default="[]", nullable=False),
        sa.Column("agreed_by", sa.Text(), nullable=False),
        sa.Column(
            "agreed_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        _of_server(),
    )
    op.create_table(
        "mcp_consent_requests",
        sa.Column("tenant_id", sa.String(63), primary_key=True),
        sa.Column("state_sha256", sa.String(64), primary_key=True),
        sa.Column("server_id", sa.Uuid(), nullable=False),
        sa.Column("credential_version", sa.String(64), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        _of_server(),
    )


def downgrade() -> None:
    """Go back; servers whose credential the version before cannot use go, too."""
    op.drop_table("mcp_consent_requests")
    op.drop_table("mcp_consents")
    op.execute(
        "delete from mcp_servers where credential_kind like 'oauth2-%' or credential_kind = 'query'"
    )
    op.drop_column("mcp_servers", "credential_about")
    op.alter_column("mcp_servers", "credential_kind", type_=sa.String(20))


def _of_server() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", "server_id"],
        ["mcp_servers.tenant_id", "mcp_servers.id"],
        ondelete="CASCADE",
    )
