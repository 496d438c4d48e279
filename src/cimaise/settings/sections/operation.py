"""Watching the server, and what it costs."""

from dataclasses import dataclass

from cimaise.settings import parsing as p
from cimaise.settings.knob import knob


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsSettings:
    """Counters, for Prometheus and for OpenTelemetry."""

    token: str = knob(
        "",
        p.parse_secret,
        "What /metrics wants as bearer token; empty: anybody may read it.",
        secret=True,
    )
    keep: float = knob(
        1.0,
        p.parse_duration,
        "How long a process gives the same text to whoever asks for /metrics; 0: made each time.",
        low=0,
        high=60,
    )
    endpoint: str = knob(
        "",
        p.parse_web_url,
        "Where metrics go by OTLP over HTTP, such as http://127.0.0.1:4318/v1/metrics; "
        "empty: nowhere. Needs the extra otel.",
    )
    interval: float = knob(
        60.0,
        p.parse_duration,
        "How often they go there.",
        low=1,
        high=3600,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """Spans for OpenTelemetry (needs the extra otel)."""

    endpoint: str = knob(
        "",
        p.parse_web_url,
        "Where spans go by OTLP over HTTP, such as http://127.0.0.1:4318/v1/traces; empty: nowhere.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LibrarySettings:
    """What has been published."""

    undelete_days: int = knob(
        0,
        p.parse_count,
        "Days for which a deleted file is kept, unseen, so that it can be brought back; 0: none.",
        high=3650,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TakedownSettings:
    """What is removed for legal reasons."""

    hold: float = knob(
        14 * 86400.0,
        p.parse_duration,
        "How long its bytes are kept, unseen, so that it can be brought back.",
        low=0,
        high=3650 * 86400,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Billing:
    """What the storage's provider charges for, for metrics and for cimaise usage."""

    provider: str = knob(
        "none",
        p.parse_text,
        "Whose classes of operations and list prices count.",
        choices=("none", "s3", "r2", "gcs", "b2"),
    )
