"""Secrets of tenants, sealed."""

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"


def upgrade() -> None:
    """Go from 0001 to 0002."""
    op.create_table(
        "secrets",
        sa.Column("tenant_id", sa.String(63), nullable=False),
        sa.Column("name", sa.String(63, collation="C"), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "name", name="pk_secrets"),
    )


def downgrade() -> None:
    """Go back, and lose all secrets."""
    op.drop_table("secrets")
