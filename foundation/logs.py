"""Structured logs on standard error: a constant snake_case event name and its fields."""

import logging
import sys

import structlog
from opentelemetry.trace import get_current_span
from structlog.typing import EventDict, WrappedLogger
from temporalio.exceptions import ApplicationError
from typing_extensions import override

from foundation.settings import LogSettings

# Field names whose values never reach a log, wherever they were bound.
SECRET_FIELDS = frozenset(
    {"authorization", "credential", "password", "refresh_token", "secret", "token", "access_token"}
)


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace the value of every field that is secret by its name."""
    for field in event.keys() & SECRET_FIELDS:
        event[field] = "[redacted]"
    return event


def traced(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Name the trace that a line belongs to, if it does."""
    context = get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = f"{context.trace_id:032x}"
        event["span_id"] = f"{context.span_id:016x}"
    return event


class _WithoutMessages(logging.Filter):
    """Of an activity that failed Temporal logs the message, in which servers quote what they got.

    The code of the error says as much to operators; the instance has the message, for those who
    may see it.
    """

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if getattr(record, "__temporal_error_identifier", None) != "ActivityFailure":
            return True
        code = error.type if isinstance(error, ApplicationError) else type(error).__name__
        record.msg, record.args = f"{record.msg} [{code}]", ()
        record.exc_info = record.exc_text = None
        return True


def configure(settings: LogSettings) -> None:
    """Set up logging for this process; call once, at its top."""
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        traced,
        redact,
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if settings.format == "json"
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            # The pretty ones print local variables, and take seconds.
            exception_formatter=structlog.dev.plain_traceback,
        )
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            renderer,
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    # One line per request and per expected protocol error says nothing the fields do not.
    for noisy in ("httpx", "httpx2", "mcp", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # Logs what servers answered, with stack traces; all of that reaches the caller as an error.
    logging.getLogger("mcp.client.streamable_http").setLevel(logging.CRITICAL)
    logging.getLogger("temporalio.activity").addFilter(_WithoutMessages())
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
