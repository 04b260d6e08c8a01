"""The images that a tenant may run."""

import sqlalchemy as sa
from alembic import op

revision: str = "0018"
down_revision: str | None = "0017"


def upgrade() -> None:
    """Go from 0017 to 0018."""
    op.add_column(
        "tenant_features",
        sa.Column("images", sa.ARRAY(sa.Text()), nullable=False, server_default=sa.text("'{}'")),
    )


def downgrade() -> None:
    """Go back: whoever may run programs may run all images again."""
    op.drop_column("tenant_features", "images")
