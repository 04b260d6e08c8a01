"""What waits for people."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision: str = "0005"
down_revision: str | None = "0004"


def upgrade() -> None:
    """Go from 0004 to 0005."""
    op.create_table(
        "approvals",
        sa.Column("tenant_id", sa.String(63), nullable=False),
        sa.Column("id", sa.String(32, collation="C"), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("workflow_id", sa.Text(), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("users", ARRAY(sa.Text()), nullable=False),
        sa.Column("roles", ARRAY(sa.Text()), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_approvals"),
    )
    op.create_index("ix_approvals_inbox", "approvals", ["tenant_id", "status", "opened_at", "id"])
    op.create_index("ix_approvals_workflow_id", "approvals", ["tenant_id", "workflow_id"])


def downgrade() -> None:
    """Go back, and lose the inbox. Runs that wait go on waiting."""
    op.drop_table("approvals")
