"""Calls that have limits."""

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"


def upgrade() -> None:
    """Go from 0006 to 0007."""
    op.create_table(
        "limit_permits",
        sa.Column("tenant_id", sa.String(63), nullable=False),
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("holder", sa.String(64, collation="C"), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("workflow_id", sa.Text(), nullable=False),
        sa.Column("execution", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "key", "holder", name="pk_limit_permits"),
    )
    op.create_index(
        "ix_limit_permits_tenant_id_key_since", "limit_permits", ["tenant_id", "key", "since"]
    )
    op.create_index("ix_limit_permits_expires_at", "limit_permits", ["expires_at"])
    op.create_table(
        "limit_beginnings",
        sa.Column("tenant_id", sa.String(63), nullable=False),
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("id", sa.String(32, collation="C"), nullable=False),
        sa.Column("holder", sa.String(64, collation="C"), nullable=False),
        sa.Column("begun", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "key", "id", name="pk_limit_beginnings"),
    )
    op.create_index(
        "ix_limit_beginnings_tenant_id_key_at", "limit_beginnings", ["tenant_id", "key", "at"]
    )
    op.create_index("ix_limit_beginnings_expires_at", "limit_beginnings", ["expires_at"])


def downgrade() -> None:
    """Go back, and forget who is inside."""
    op.drop_table("limit_beginnings")
    op.drop_table("limit_permits")
