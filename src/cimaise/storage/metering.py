"""What a storage's calls, and the requests that they become, leave in metrics and the report of use."""

from collections.abc import Callable
from typing import Final

from cimaise import telemetry
from cimaise.storage.billing import Provider
from cimaise.storage.measured import Measurement

_SIGNING: Final = "presign_"
_AT_HOME: Final = frozenset({"open_grant", "sweep"})
"""What asks nobody else."""


def meter(note: Callable[[str], None]) -> Callable[[Measurement], None]:
    """A report for :class:`~cimaise.storage.measured.MeasuredStorage`.

    Args:
        note: Told the operation of each call.
    """

    def report(measurement: Measurement) -> None:
        operation = measurement.verb
        if operation.startswith(_SIGNING):
            telemetry.count("signed_urls_total", measurement.times, operation=operation)
            return
        telemetry.count(
            "storage_operations_total", operation=operation, outcome=measurement.outcome
        )
        telemetry.observe("storage_seconds", measurement.seconds, operation=operation)
        telemetry.count("storage_bytes_total", measurement.bytes, operation=operation)
        if operation not in _AT_HOME:
            note(operation)

    return report


def request_meter(provider: Provider, note: Callable[[str], None]) -> Callable[[str], None]:
    """What a storage tells of each request to its provider; see ``open_storage``.

    Args:
        provider: Says what each is charged as.
        note: Told the request as well.
    """

    def report(request: str) -> None:
        billing = provider.class_of(request)
        telemetry.count("storage_requests_total", request=request, billing=billing)
        note(request)

    return report
