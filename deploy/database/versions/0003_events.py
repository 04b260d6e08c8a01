"""Events, and who waits for them."""

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"

_SUBSCRIPTION = ["tenant_id", "workflow_id", "name"]


def upgrade() -> None:
    """Go from 0002 to 0003."""
    op.create_table(
        "events",
        sa.Column("tenant_id", sa.String(63), nullable=False),
        sa.Column("sequence", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("identity", sa.String(64), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "sequence", name="pk_events"),
        sa.UniqueConstraint("tenant_id", "identity", name="uq_events_tenant_id_identity"),
    )
    op.create_index("ix_events_type", "events", ["tenant_id", "type", "sequence"])
    op.create_index("ix_events_received_at", "events", ["received_at"])
    op.create_table(
        "event_shapes",
        sa.Column("tenant_id", sa.String(63), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("type", sa.Text(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "digest", name="pk_event_shapes"),
    )
    op.create_index("ix_event_shapes_type", "event_shapes", ["tenant_id", "type"])
    op.create_table(
        "event_subscriptions",
        sa.Column("tenant_id", sa.String(63), nullable=False),
        sa.Column("workflow_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("wake_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("wakes", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(*_SUBSCRIPTION, name="pk_event_subscriptions"),
    )
    op.create_index(
        "ix_event_subscriptions_wake_at",
        "event_subscriptions",
        ["wake_at"],
        postgresql_where=sa.text("wake_at IS NOT NULL"),
    )
    op.create_table(
        "event_interests",
        sa.Column("tenant_id", sa.String(63), nullable=False),
        sa.Column("shape", sa.String(64), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("workflow_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint(
            "tenant_id", "shape", "key", "workflow_id", "name", name="pk_event_interests"
        ),
        sa.ForeignKeyConstraint(
            _SUBSCRIPTION,
            [f"event_subscriptions.{column}" for column in _SUBSCRIPTION],
            name="fk_event_interests_subscription",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_event_interests_subscription", "event_interests", _SUBSCRIPTION)
    op.create_table(
        "event_deliveries",
        sa.Column("tenant_id", sa.String(63), nullable=False),
        sa.Column("workflow_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(*_SUBSCRIPTION, "sequence", name="pk_event_deliveries"),
        sa.ForeignKeyConstraint(
            _SUBSCRIPTION,
            [f"event_subscriptions.{column}" for column in _SUBSCRIPTION],
            name="fk_event_deliveries_subscription",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "sequence"],
            ["events.tenant_id", "events.sequence"],
            name="fk_event_deliveries_event",
        ),
    )
    op.create_index("ix_event_deliveries_event", "event_deliveries", ["tenant_id", "sequence"])
    op.create_table(
        "event_consumptions",
        sa.Column("tenant_id", sa.String(63), nullable=False),
        sa.Column("workflow_id", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "tenant_id", "workflow_id", "sequence", name="pk_event_consumptions"
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "sequence"],
            ["events.tenant_id", "events.sequence"],
            name="fk_event_consumptions_event",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_event_consumptions_event", "event_consumptions", ["tenant_id", "sequence"])


def downgrade() -> None:
    """Go back, and lose all events and who waits for them."""
    for table in (
        "event_consumptions",
        "event_deliveries",
        "event_interests",
        "event_subscriptions",
        "event_shapes",
        "events",
    ):
        op.drop_table(table)
