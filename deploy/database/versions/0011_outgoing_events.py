"""Events on their way to a broker."""

import sqlalchemy as sa
from alembic import op

revision: str = "0011"
down_revision: str | None = "0010"


def upgrade() -> None:
    """Go from 0010 to 0011."""
    op.create_table(
        "event_relays",
        sa.Column("tenant_id", sa.String(63), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", name="pk_event_relays"),
    )
    op.create_index("ix_event_relays_due_at", "event_relays", ["due_at"])
    op.create_table(
        "outgoing_events",
        sa.Column("tenant_id", sa.String(63), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "sequence", name="pk_outgoing_events"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "sequence"],
            ["events.tenant_id", "events.sequence"],
            name="fk_outgoing_events_event",
        ),
    )


def downgrade() -> None:
    """Go back, and lose what has not reached the broker."""
    op.drop_table("outgoing_events")
    op.drop_table("event_relays")
