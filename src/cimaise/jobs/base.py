"""What a job is: work that no request asks for, done again and again."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

JobWork = Callable[[datetime], Awaitable[int]]
"""Does the work as of a moment; gives how many things it did.

Twice in a row is as once, and two processes at once are as one: every step is idempotent. It may
be cancelled anywhere, and whatever it left is done by the next run.
"""


@dataclass(frozen=True, slots=True)
class Job:
    """A job and its rhythm.

    Attributes:
        name: As the log and the command line call it.
        every_s: Seconds between two runs.
        work: What is done.
    """

    name: str
    every_s: float
    work: JobWork
