"""What tenants may use beyond the ordinary."""

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"


def upgrade() -> None:
    """Go from 0005 to 0006."""
    op.create_table(
        "tenant_features",
        sa.Column("tenant_id", sa.String(63), nullable=False),
        sa.Column("name", sa.String(63), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name="fk_tenant_features_tenant_id_tenants"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "name", name="pk_tenant_features"),
    )


def downgrade() -> None:
    """Go back; everything that had to be enabled is off."""
    op.drop_table("tenant_features")
