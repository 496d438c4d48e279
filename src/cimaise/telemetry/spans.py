"""Spans of a trace: from a request to what the storage did for it.

Nothing is recorded until a tracer is put in place, and a span then costs a function call.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Final, Protocol

_NOTHING: Final = nullcontext()


class Tracer(Protocol):
    """Records spans; see :mod:`cimaise.telemetry.otel`."""

    def span(
        self, name: str, attributes: Mapping[str, str], carrier: Mapping[str, str] | None
    ) -> AbstractContextManager[object]:
        """A span while the context lasts; what is raised in it is noted."""
        ...


class _Place:
    """Where the tracer of the process is kept."""

    tracer: Tracer | None = None


def use_tracer(tracer: Tracer | None) -> None:
    """Record spans with ``tracer`` from now on; ``None`` stops it."""
    _Place.tracer = tracer


def span(
    name: str, carrier: Mapping[str, str] | None = None, **attributes: str
) -> AbstractContextManager[object]:
    """A span within the one that is open in this task.

    Args:
        name: Few different ones: a route's template, a verb.
        carrier: Header fields of a request that may continue somebody's trace (W3C traceparent).
        attributes: Facts. Never secrets.
    """
    tracer = _Place.tracer
    return _NOTHING if tracer is None else tracer.span(name, attributes, carrier)
