"""Spans and metrics for operators. Without somewhere to send them none are made, at no cost.

Handed to whoever tells something, never set as the process's global: libraries that write what
servers answered into spans of their own stay silent.
"""

from foundation.telemetry.opening import open_telemetry as open_telemetry
from foundation.telemetry.tracing import continued as continued
from foundation.telemetry.tracing import trace_headers as trace_headers
from foundation.telemetry.tracing import trace_id as trace_id
from foundation.telemetry.types import OFF as OFF
from foundation.telemetry.types import Telemetry as Telemetry
