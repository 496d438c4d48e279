"""What is seen to beside reading and writing: leftovers, setting up, other people's objects."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from cimaise.storage.objects import ObjectInfo


class Sweeper(Protocol):
    """Removes what dead processes left behind and no key leads to."""

    async def sweep_temporary(self, older_than: datetime) -> int:
        """Delete temporary files last written before ``older_than``; how many there were.

        Choose it further back than the longest pause of a living write. Unfinished multipart
        uploads are not touched: whoever recorded their ids aborts them.
        """
        ...


class Verdict(StrEnum):
    """How a check of a storage ended."""

    OK = "ok"
    WARNING = "warning"  # works; better otherwise
    FAULT = "fault"  # has to be mended
    UNKNOWN = "unknown"  # the storage does not tell


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at around a storage; ``detail`` is for people."""

    name: str
    verdict: Verdict
    detail: str


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a storage should be set up for.

    Attributes:
        origins: Of pages that send bytes to signed URLs.
        abort_after_days: When the storage itself may free a forgotten multipart upload.
    """

    origins: tuple[str, ...]
    abort_after_days: int


class Upkeep(Protocol):
    """Looks at what is around the objects, and sets it: who may read, who may write, what is kept."""

    async def check(self, wishes: Wishes) -> Sequence[Check]:
        """Look at everything; small objects are written and removed again."""
        ...

    async def setup(self, wishes: Wishes) -> Sequence[Check]:
        """Set what can be set, leaving what others have set; then :meth:`check`."""
        ...

    async def capabilities(self) -> Mapping[str, bool | str]:
        """What the storage does where storages differ, found out by trying."""
        ...

    def policies(self) -> Mapping[str, Mapping[str, object]]:
        """What each role has to be allowed, in the storage's own words; empty where there are none."""
        ...


class Foreign(Protocol):
    """Objects under names that are no keys of ours: what older schemes and other programs left.

    A name is relative, without empty segments, ``.`` and ``..``; anything else is ``Invalid``.
    """

    async def adopt(self, name: str, target: str) -> ObjectInfo:
        """Copy the object to the key ``target``; ``name`` stays. Again is as once.

        ``NotFound`` where there is none. A process that dies leaves ``target`` whole or absent, and
        in a bucket perhaps an unfinished upload in parts.
        """
        ...

    async def drop(self, name: str) -> None:
        """Delete it. Dropping the absent succeeds."""
        ...
