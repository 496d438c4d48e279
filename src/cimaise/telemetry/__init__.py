"""What the server says of itself: log events, metrics and spans, each declared once."""

from cimaise.telemetry.events import (
    EVENTS,
    client_address,
    configure_logging,
    is_logged,
    log,
    request_id,
)
from cimaise.telemetry.metrics import METRICS, Observations, count, expose, level, observe
from cimaise.telemetry.spans import span, use_tracer

__all__ = [
    "EVENTS",
    "METRICS",
    "Observations",
    "client_address",
    "configure_logging",
    "count",
    "expose",
    "is_logged",
    "level",
    "log",
    "observe",
    "request_id",
    "span",
    "use_tracer",
]
