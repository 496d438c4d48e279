"""What the server says of itself: log events, metrics and spans, each declared once."""

from cimaise.telemetry.events import EVENTS, client_address, configure_logging, log, request_id
from cimaise.telemetry.metrics import METRICS, count, expose, level, observe
from cimaise.telemetry.spans import span, use_tracer

__all__ = [
    "EVENTS",
    "METRICS",
    "client_address",
    "configure_logging",
    "count",
    "expose",
    "level",
    "log",
    "observe",
    "request_id",
    "span",
    "use_tracer",
]
