"""Database and storage compared, both ways. :class:`Fsck` is all that others need."""

from cimaise.uploads.fsck.check import Fsck
from cimaise.uploads.fsck.findings import Finding, FsckReport, Kind

__all__ = ["Finding", "Fsck", "FsckReport", "Kind"]
