"""Claims of notifications."""

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"


def upgrade() -> None:
    """Go from 0003 to 0004."""
    op.create_table(
        "notification_claims",
        sa.Column("tenant_id", sa.String(63), nullable=False),
        sa.Column("key", sa.String(64, collation="C"), nullable=False),
        sa.Column("holder", sa.String(64, collation="C"), nullable=False),
        sa.Column("sent", sa.Boolean(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "key", "holder", name="pk_notification_claims"),
    )
    op.create_index(
        "ix_notification_claims_tenant_id_expires_at",
        "notification_claims",
        ["tenant_id", "expires_at"],
    )


def downgrade() -> None:
    """Go back, and forget what was sent."""
    op.drop_table("notification_claims")
