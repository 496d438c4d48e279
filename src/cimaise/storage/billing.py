"""What providers charge for: the class of each request, and list prices.

Requests have S3's own names. Classes are the providers' own words. Prices are those that they
published in dollars when this was written.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

FREE: Final = "free"


@dataclass(frozen=True, slots=True)
class Provider:
    """How a provider charges.

    Attributes:
        classes: Billing class of a request, by S3's name for it.
        other: The class of every other request.
        per_million: Dollars for a million requests of a class.
        gb_month: Dollars for keeping a GB (10⁹ bytes) for a month.
        sent_gb: Dollars for a GB that leaves the provider.
    """

    classes: Mapping[str, str]
    other: str
    per_million: Mapping[str, float]
    gb_month: float
    sent_gb: float

    def class_of(self, request: str) -> str:
        """The billing class of a request, such as ``PutObject``."""
        return self.classes.get(request, self.other)


_WRITES: Final = ("PutObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload")
_COPIES: Final = ("CopyObject", "UploadPartCopy")
_LISTS: Final = ("ListObjectsV2", "ListParts", "ListMultipartUploads")
_DELETES: Final = ("DeleteObject", "DeleteObjects", "AbortMultipartUpload")
_READS: Final = ("GetObject", "HeadObject")


_TWO_CLASSES: Final = dict.fromkeys((*_WRITES, *_COPIES, *_LISTS), "A") | dict.fromkeys(
    _DELETES, FREE
)
"""What changes or lists is A, deleting is free, everything else is B."""

PROVIDERS: Final[Mapping[str, Provider]] = {
    "none": Provider({}, FREE, {}, 0.0, 0.0),
    "s3": Provider(_TWO_CLASSES, "B", {"A": 5.0, "B": 0.4}, 0.023, 0.09),
    "r2": Provider(_TWO_CLASSES, "B", {"A": 4.5, "B": 0.36}, 0.015, 0.0),
    "gcs": Provider(_TWO_CLASSES, "B", {"A": 5.0, "B": 0.4}, 0.020, 0.12),
    "b2": Provider(
        dict.fromkeys((*_WRITES, *_DELETES), FREE) | dict.fromkeys(_READS, "B"),
        "C",
        {"B": 0.4, "C": 4.0},
        0.006,
        0.01,
    ),
}
