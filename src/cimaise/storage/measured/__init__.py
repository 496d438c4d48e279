"""Any storage, and what each call of it took. :class:`MeasuredStorage` is all that others need."""

from cimaise.storage.measured.meter import Measurement
from cimaise.storage.measured.store import MeasuredStorage

__all__ = ["MeasuredStorage", "Measurement"]
