"""Definitions that start by themselves."""

import sqlalchemy as sa
from alembic import op

revision: str = "0010"
down_revision: str | None = "0009"


def _name() -> list[sa.Column[str]]:
    return [
        sa.Column("tenant_id", sa.String(63), nullable=False),
        sa.Column("namespace", sa.String(63, collation="C"), nullable=False),
        sa.Column("name", sa.String(63, collation="C"), nullable=False),
    ]


def upgrade() -> None:
    """Go from 0009 to 0010."""
    op.create_table(
        "definition_schedules",
        *_name(),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("settled", sa.BigInteger(), nullable=False),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "namespace", "name", name="pk_definition_schedules"),
    )
    op.create_index(
        "ix_definition_schedules_due_at",
        "definition_schedules",
        ["due_at"],
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_table(
        "definition_listenings",
        *_name(),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("wanted", sa.String(64), nullable=False),
        sa.Column("continues", sa.Boolean(), nullable=False),
        sa.Column("over", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint(
            "tenant_id", "namespace", "name", "number", name="pk_definition_listenings"
        ),
    )


def downgrade() -> None:
    """Go back, and forget what starts by itself."""
    op.drop_table("definition_listenings")
    op.drop_table("definition_schedules")
