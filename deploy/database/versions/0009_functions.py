"""Functions of a tenant's own catalogue, and where the parts of a definition came from."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "0009"
down_revision: str | None = "0008"


def upgrade() -> None:
    """Go from 0008 to 0009."""
    op.add_column(
        "workflow_definitions",
        sa.Column("origins", JSONB(), server_default=sa.text("'[]'"), nullable=False),
    )
    op.create_table(
        "catalog_functions",
        sa.Column("tenant_id", sa.String(63), nullable=False),
        sa.Column("name", sa.String(63, collation="C"), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("precedence", sa.Text(collation="C"), nullable=False),
        sa.Column("prerelease", sa.Boolean(), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("published_by", sa.Text(), nullable=False),
        sa.Column(
            "published_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("tenant_id", "name", "version", name="pk_catalog_functions"),
    )


def downgrade() -> None:
    """Go back, and lose the functions; workflows keep those they were published with."""
    op.drop_table("catalog_functions")
    op.drop_column("workflow_definitions", "origins")
