"""What a storage's calls leave in metrics and in the report of use."""

from collections.abc import Callable
from typing import Final

from cimaise import telemetry
from cimaise.storage.billing import Provider
from cimaise.storage.measured import Measurement

_SIGNING: Final = "presign_"
_AT_HOME: Final = frozenset({"open_grant", "sweep"})
"""What asks nobody else."""


def meter(provider: Provider, note: Callable[[str], None]) -> Callable[[Measurement], None]:
    """A report for :class:`~cimaise.storage.measured.MeasuredStorage`.

    Args:
        provider: Says what each call is charged as.
        note: Told the operation of each call that a provider would count.
    """

    def report(measurement: Measurement) -> None:
        operation = measurement.verb
        if operation.startswith(_SIGNING):
            telemetry.count("signed_urls_total", measurement.times, operation=operation)
            return
        billing = provider.class_of(operation)
        telemetry.count(
            "storage_operations_total",
            operation=operation,
            billing=billing,
            outcome=measurement.outcome,
        )
        telemetry.observe("storage_seconds", measurement.seconds, operation=operation)
        telemetry.count("storage_bytes_total", measurement.bytes, operation=operation)
        if operation not in _AT_HOME:
            note(operation)

    return report
