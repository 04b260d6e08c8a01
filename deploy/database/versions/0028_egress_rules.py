"""Rules of tenants about the hosts that their requests go to."""

import sqlalchemy as sa
from alembic import op

revision: str = "0028"
down_revision: str | None = "0027"


def upgrade() -> None:
    """Go from 0027 to 0028."""
    op.create_table(
        "egress_rules",
        sa.Column("tenant_id", sa.String(63), nullable=False),
        sa.Column("allow", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("deny", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name="fk_egress_rules_tenant_id_tenants"
        ),
        sa.PrimaryKeyConstraint("tenant_id", name="pk_egress_rules"),
    )


def downgrade() -> None:
    """Go back to 0027: every host that the operator allows is open again."""
    op.drop_table("egress_rules")
