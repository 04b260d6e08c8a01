"""Instances that have told their beginning and not their end."""

import sqlalchemy as sa
from alembic import op

revision: str = "0013"
down_revision: str | None = "0012"


def upgrade() -> None:
    """Go from 0012 to 0013."""
    op.create_table(
        "telling_instances",
        sa.Column("tenant_id", sa.String(63), nullable=False),
        sa.Column("workflow_id", sa.Text(), nullable=False),
        sa.Column("started_id", sa.String(36), nullable=False),
        sa.Column(
            "checked_at",
            sa.DateTime(timezone=True),
            nullable=False,
            server_default=sa.func.now(),
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id", "workflow_id", "started_id", name="pk_telling_instances"
        ),
    )
    op.create_index("ix_telling_instances_checked_at", "telling_instances", ["checked_at"])


def downgrade() -> None:
    """Go back. Instances that are terminated tell no end."""
    op.drop_table("telling_instances")
