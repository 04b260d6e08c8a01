"""Table of published functions. A row is never changed after it was written."""

from datetime import datetime

from sqlalchemy import JSON, Boolean, String, Text, func
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from foundation.json import JsonObject


class CatalogFunction(Base):
    """One version of one function; `precedence` and `prerelease` as those of definitions."""

    __tablename__ = "catalog_functions"

    tenant_id: Mapped[str] = mapped_column(String(63), primary_key=True)
    name: Mapped[str] = mapped_column(String(63, collation="C"), primary_key=True)
    version: Mapped[str] = mapped_column(Text, primary_key=True)
    precedence: Mapped[str] = mapped_column(Text(collation="C"))
    prerelease: Mapped[bool] = mapped_column(Boolean)
    hash: Mapped[str] = mapped_column(String(64))
    # Not JSONB: people wrote the keys in an order.
    document: Mapped[JsonObject] = mapped_column(JSON)
    source: Mapped[str] = mapped_column(Text)
    published_by: Mapped[str] = mapped_column(Text)
    published_at: Mapped[datetime] = mapped_column(server_default=func.now())
