"""Table of published definitions. A row is never changed after it was written."""

from datetime import datetime

from sqlalchemy import JSON, Boolean, Index, String, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from foundation.json import JsonObject, JsonValue


class WorkflowDefinition(Base):
    """One version of one definition.

    Attributes:
        precedence: Text that sorts as semantic versions do, see `workflows.catalog.versions`.
        prerelease: Pre-releases are the newest version only while there is no release.
        source: The text as it was published.
        origins: Where the parts of `document` came from that are not in `source`, with hashes.
    """

    __tablename__ = "workflow_definitions"
    __table_args__ = (
        Index(
            "ix_workflow_definitions_newest",
            *("tenant_id", "namespace", "name", "prerelease", "precedence"),
        ),
        Index("ix_workflow_definitions_hash", "tenant_id", "hash"),
    )

    tenant_id: Mapped[str] = mapped_column(String(63), primary_key=True)
    namespace: Mapped[str] = mapped_column(String(63, collation="C"), primary_key=True)
    name: Mapped[str] = mapped_column(String(63, collation="C"), primary_key=True)
    version: Mapped[str] = mapped_column(Text, primary_key=True)
    precedence: Mapped[str] = mapped_column(Text(collation="C"))
    prerelease: Mapped[bool] = mapped_column(Boolean)
    hash: Mapped[str] = mapped_column(String(64))
    title: Mapped[str | None] = mapped_column(Text)
    summary: Mapped[str | None] = mapped_column(Text)
    # Not JSONB: people wrote the keys in an order, and outputs keep it.
    document: Mapped[JsonObject] = mapped_column(JSON)
    source: Mapped[str] = mapped_column(Text)
    published_by: Mapped[str] = mapped_column(Text)
    published_at: Mapped[datetime] = mapped_column(server_default=func.now())
    origins: Mapped[list[JsonValue]] = mapped_column(JSONB, server_default=text("'[]'"))
