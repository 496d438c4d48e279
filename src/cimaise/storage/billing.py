"""What providers charge for: the class of each operation, and list prices.

Classes are the providers' own words. Prices are those that they published in dollars when this
was written; the settings of ``[billing]`` replace them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

FREE: Final = "free"


@dataclass(frozen=True, slots=True)
class Provider:
    """How a provider charges.

    Attributes:
        classes: Billing class of an operation; one that is not named is :data:`FREE`.
        per_million: Dollars for a million operations of a class.
        gb_month: Dollars for keeping a GB (10⁹ bytes) for a month.
        sent_gb: Dollars for a GB that leaves the provider.
    """

    classes: Mapping[str, str]
    per_million: Mapping[str, float]
    gb_month: float
    sent_gb: float

    def class_of(self, operation: str) -> str:
        """The billing class of an operation, as :class:`~cimaise.storage.measured.Measurement` names it."""
        return self.classes.get(operation, FREE)


_WRITES: Final = ("write", "move", "multipart_create", "multipart_write", "multipart_complete")
_READS: Final = ("open", "stat")
_LISTS: Final = ("list", "multipart_parts", "check")


def _classes(writes: str, reads: str, lists: str) -> dict[str, str]:
    return (
        dict.fromkeys(_WRITES, writes) | dict.fromkeys(_READS, reads) | dict.fromkeys(_LISTS, lists)
    )


PROVIDERS: Final[Mapping[str, Provider]] = {
    "none": Provider({}, {}, 0.0, 0.0),
    "s3": Provider(_classes("A", "B", "A"), {"A": 5.0, "B": 0.4}, 0.023, 0.09),
    "r2": Provider(_classes("A", "B", "A"), {"A": 4.5, "B": 0.36}, 0.015, 0.0),
    "gcs": Provider(_classes("A", "B", "A"), {"A": 5.0, "B": 0.4}, 0.020, 0.12),
    "b2": Provider(_classes(FREE, "B", "C"), {"B": 0.4, "C": 4.0}, 0.006, 0.01),
}
