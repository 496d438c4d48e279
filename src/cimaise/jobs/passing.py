"""Going through what waits, some in a run, so that what cannot be done holds up nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")


@dataclass(slots=True)
class Passing(Generic[Item]):
    """Where the next run of a job begins.

    What is done is not found again, so a run begins at the first that waits. Where something was
    left undone, the next run goes on behind it, to the end, and then begins anew. This is kept in
    memory: a process that takes over begins at the first.

    Attributes:
        after: The last one that was tried, ``None`` for the beginning.
    """

    after: Item | None = None

    def note(self, tried: Sequence[Item], *, is_last: bool, is_left: bool) -> None:
        """A run has tried these, in order.

        Args:
            tried: What it tried.
            is_last: Nothing waits behind them.
            is_left: Something of them still waits.
        """
        if is_last:
            self.after = None
        elif is_left and tried:
            self.after = tried[-1]
