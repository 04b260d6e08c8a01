"""Telemetry as the settings want it."""

from foundation.settings import TelemetrySettings
from foundation.telemetry.types import OFF, Telemetry


def open_telemetry(settings: TelemetrySettings, service: str) -> Telemetry:
    """Begin to tell of this process; `OFF` when there is nobody to tell.

    Args:
        service: What the process is called, for example `millwright-worker`.

    Raises:
        InvalidInputError: When no port for Prometheus can be had.
    """
    if settings.otlp_endpoint is None and settings.prometheus_port is None:
        return OFF
    # A third of a second of imports that a process without it does not wait for.
    from foundation.telemetry.exporting import exporting  # noqa: PLC0415

    return exporting(settings, service)
