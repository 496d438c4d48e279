"""What a job is: work that no request asks for, done again and again."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from cimaise.database.engine import Database


@dataclass(frozen=True, slots=True)
class Turn:
    """One run of a job, by the one process that holds its lease.

    Attributes:
        now: The moment that the run goes by, aware UTC.
        database: Refuses to write (``WrongState``, ``lease_lost``) once another process has the
            lease, whether this one has noticed or not.
    """

    now: datetime
    database: Database


JobWork = Callable[[Turn], Awaitable[int]]
"""Does the work; gives how many things it did.

Twice in a row is as once: every step is idempotent. It may be cancelled anywhere, and whatever it
left is done by the next run.
"""


@dataclass(frozen=True, slots=True)
class Job:
    """A job and its rhythm.

    Attributes:
        name: As the log, the lease and the command line call it.
        every_s: Seconds between two runs, of all processes together.
        work: What is done.
    """

    name: str
    every_s: float
    work: JobWork
