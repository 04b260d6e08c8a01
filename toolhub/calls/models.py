"""Table of the log of calls."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base


class McpCallLog(Base):
    """One attempt to call a tool. It outlives its server, so it refers to nothing.

    Attributes:
        sha256: Fingerprint of the tool as it was then.
        instance_id: Of the run that called it; None when a person did.
        task: Which of its tasks.
        called_by: The person who tried it.
        attempt: Counts the attempts of the same task.
        arguments_hash: Keyed, so that nobody can guess the arguments by it.
        result_hash: The same of the result.
        executed: `no`, `unknown` or `yes`.
        error: Code of the error it ended with.
        due_at: Whoever has not ended it by then is gone.
        trace_id: Of the trace that it is part of, where traces are made.
        fallback: What stood in for the tool, if anything did.
    """

    __tablename__ = "mcp_call_logs"
    __table_args__ = (
        Index("ix_mcp_call_logs_tenant_id_started_at_id", "tenant_id", "started_at", "id"),
        Index("ix_mcp_call_logs_tenant_id_instance_id", "tenant_id", "instance_id"),
        # By this old ones are looked for.
        Index("ix_mcp_call_logs_started_at", "started_at"),
    )

    tenant_id: Mapped[str] = mapped_column(String(63), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    server_id: Mapped[UUID]
    server: Mapped[str] = mapped_column(String(63))
    tool: Mapped[str] = mapped_column(String(128))
    sha256: Mapped[str] = mapped_column(String(64))
    instance_id: Mapped[str | None] = mapped_column(Text)
    run_id: Mapped[str | None] = mapped_column(String(64))
    task: Mapped[str | None] = mapped_column(Text)
    called_by: Mapped[str | None] = mapped_column(Text)
    attempt: Mapped[int]
    idempotency_key: Mapped[str | None] = mapped_column(Text)
    arguments_hash: Mapped[str] = mapped_column(String(64))
    result_hash: Mapped[str | None] = mapped_column(String(64))
    status: Mapped[str] = mapped_column(String(20))
    executed: Mapped[str] = mapped_column(String(20))
    error: Mapped[str | None] = mapped_column(String(64))
    started_at: Mapped[datetime]
    latency_ms: Mapped[float | None]
    due_at: Mapped[datetime]
    trace_id: Mapped[str | None] = mapped_column(String(32))
    fallback: Mapped[str | None] = mapped_column(String(20))
