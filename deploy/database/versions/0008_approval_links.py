"""Links by which people decide, and approvals of runs that were stopped at once."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision: str = "0008"
down_revision: str | None = "0007"


def upgrade() -> None:
    """Go from 0007 to 0008."""
    now = sa.func.now()
    op.add_column(
        "approvals",
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False, server_default=now),
    )
    op.create_index(
        "ix_approvals_unchecked",
        "approvals",
        ["checked_at"],
        postgresql_where=sa.text("status = 'PENDING'"),
    )
    op.create_table(
        "approval_links",
        sa.Column("tenant_id", sa.String(63), nullable=False),
        sa.Column("id", sa.String(32, collation="C"), nullable=False),
        sa.Column("approval_id", sa.String(32, collation="C"), nullable=False),
        sa.Column("workflow_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.String(32), nullable=False),
        sa.Column("decisions", ARRAY(sa.Text()), nullable=False),
        sa.Column("data_hash", sa.String(64), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False, server_default=now),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("used_for", sa.String(16), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_approval_links"),
    )
    op.create_index("ix_approval_links_approval_id", "approval_links", ["tenant_id", "approval_id"])
    op.create_index("ix_approval_links_expires_at", "approval_links", ["expires_at"])


def downgrade() -> None:
    """Go back. Links that were sent decide no more."""
    op.drop_table("approval_links")
    op.drop_index("ix_approvals_unchecked", "approvals")
    op.drop_column("approvals", "checked_at")
