"""Spans for a server process, where the settings ask for them."""

from collections.abc import Iterator
from contextlib import contextmanager

from cimaise import telemetry
from cimaise.cli.refusal import Refused


@contextmanager
def traced(endpoint: str) -> Iterator[None]:
    """Send spans to ``endpoint`` while the context lasts; an empty one: record none.

    Raises:
        Refused: The extra is not installed.
    """
    if not endpoint:
        yield
        return
    try:
        from cimaise.telemetry.otel import open_tracer
    except ImportError as fault:
        raise Refused("CIMAISE_TRACES_ENDPOINT needs the extra: install cimaise[otel]") from fault
    tracer = open_tracer(endpoint)
    telemetry.use_tracer(tracer)
    try:
        yield
    finally:
        telemetry.use_tracer(None)
        tracer.close()
