"""What was called, when, by whom and with what outcome."""

import sqlalchemy as sa
from alembic import op

revision: str = "0020"
down_revision: str | None = "0019"


def upgrade() -> None:
    """Go from 0019 to 0020."""
    op.create_table(
        "mcp_call_logs",
        sa.Column("tenant_id", sa.String(63), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("server_id", sa.Uuid(), nullable=False),
        sa.Column("server", sa.String(63), nullable=False),
        sa.Column("tool", sa.String(128), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("instance_id", sa.Text()),
        sa.Column("run_id", sa.String(64)),
        sa.Column("task", sa.Text()),
        sa.Column("called_by", sa.Text()),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("idempotency_key", sa.Text()),
        sa.Column("arguments_hash", sa.String(64), nullable=False),
        sa.Column("result_hash", sa.String(64)),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("executed", sa.String(20), nullable=False),
        sa.Column("error", sa.String(64)),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("latency_ms", sa.Float()),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_mcp_call_logs"),
    )
    op.create_index(
        "ix_mcp_call_logs_tenant_id_started_at_id",
        "mcp_call_logs",
        ["tenant_id", "started_at", "id"],
    )
    op.create_index(
        "ix_mcp_call_logs_tenant_id_instance_id", "mcp_call_logs", ["tenant_id", "instance_id"]
    )
    op.create_index("ix_mcp_call_logs_started_at", "mcp_call_logs", ["started_at"])


def downgrade() -> None:
    """Go back; what was logged is gone."""
    op.drop_table("mcp_call_logs")
