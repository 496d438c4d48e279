"""What can be wrong between the database and the storage."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

MOST_LISTED: Final = 1000
"""Findings that a report holds; all are counted."""


class Kind(StrEnum):
    """Kinds of finding, each with what mending it does."""

    ORPHAN_OBJECT = "orphan_object"  # bytes that no row needs: deleted
    UNKNOWN_PARTS = "unknown_parts"  # an unfinished upload in parts that no row knows: aborted
    MISSING_OBJECT = "missing_object"  # a file without bytes: withdrawn
    MISSING_UPLOAD = "missing_upload"  # a complete upload without bytes: ended
    WRONG_SIZE = "wrong_size"  # a file with other bytes than its row says: only told
    WRONG_SUM = "wrong_sum"  # a sum of the quota is another than its rows': set right
    WRONG_COUNT = "wrong_count"  # a collection has another number of pictures: set right


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        kind: What it is.
        subject: A key of the storage, an id of a file, upload or collection, or an account and a day.
        detail: For people.
        bytes: How many are concerned.
        storage_upload_id: Of unknown parts.
    """

    kind: Kind
    subject: str
    detail: str = ""
    bytes: int = 0
    storage_upload_id: str | None = None


@dataclass(slots=True)
class FsckReport:
    """What was looked at and what was found.

    Attributes:
        objects: Objects in the storage.
        object_bytes: Of all of them.
        files: Files that have bytes.
        waiting: Objects that are written down to be deleted later.
        counts: Findings by kind.
        mended: How many of them were mended, by kind.
        findings: The first thousand.
    """

    objects: int = 0
    object_bytes: int = 0
    files: int = 0
    waiting: int = 0
    counts: Counter[Kind] = field(default_factory=Counter)
    mended: Counter[Kind] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Nothing is wrong, or all of it was mended."""
        return self.counts == self.mended

    def add(self, finding: Finding) -> None:
        """Count it, and keep it if there is room."""
        self.counts[finding.kind] += 1
        if len(self.findings) < MOST_LISTED:
            self.findings.append(finding)
