"""Events that a broker does not take: tried again on their own, and set aside in the end."""

import sqlalchemy as sa
from alembic import op

revision: str = "0012"
down_revision: str | None = "0011"


def upgrade() -> None:
    """Go from 0011 to 0012."""
    time, now = sa.DateTime(timezone=True), sa.func.now()
    for column in (
        sa.Column("attempts", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("faults", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("due_at", time, nullable=True, server_default=now),
        sa.Column("alone", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("failed_at", time, nullable=True),
        sa.Column("why", sa.Text(), nullable=True),
    ):
        op.add_column("outgoing_events", column)
    op.create_index(
        "ix_outgoing_events_untried",
        "outgoing_events",
        ["tenant_id", "sequence"],
        postgresql_where=sa.text("attempts = 0"),
    )
    op.create_index(
        "ix_outgoing_events_due",
        "outgoing_events",
        ["tenant_id", "due_at"],
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.add_column("event_relays", sa.Column("token", sa.String(32), nullable=True))
    op.add_column("event_relays", sa.Column("taken_at", time, nullable=True))


def downgrade() -> None:
    """Go back. What was set aside is tried again for ever."""
    op.drop_column("event_relays", "taken_at")
    op.drop_column("event_relays", "token")
    op.drop_index("ix_outgoing_events_due", "outgoing_events")
    op.drop_index("ix_outgoing_events_untried", "outgoing_events")
    for column in ("why", "failed_at", "alone", "due_at", "faults", "attempts"):
        op.drop_column("outgoing_events", column)
