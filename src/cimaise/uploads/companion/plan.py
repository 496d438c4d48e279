"""What the stored parts of an upload of unknown length are: its plan, made when it is complete.

Uppy's client says neither how long a file is nor how long its parts are. Both are read off the
stored parts: all but the last have one size (Uppy: at least 5 MiB, at most 10,000 of them), and the
last is not longer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from cimaise.errors import Invalid, WrongState
from cimaise.storage.base import PartInfo
from cimaise.storage.checks import require_joinable
from cimaise.uploads.completion import checked_parts
from cimaise.uploads.plan import LEAST_PART_BYTES, MAX_PARTS
from cimaise.uploads.session import UploadSession

MAX_PART_BYTES: Final = 5 * 1024**3
"""S3 takes at most 5 GiB in one part."""


@dataclass(frozen=True, slots=True)
class PartPlan:
    """What was sent: ``part_count`` parts, all but the last of ``part_size`` bytes."""

    size: int
    part_size: int
    part_count: int


def likely_part_size(size: int | None) -> int:
    """What Uppy cuts a file into, unless it was told otherwise."""
    return max(LEAST_PART_BYTES, -(-(size or 0) // MAX_PARTS))


def require_part_numbers(numbers: Sequence[int]) -> None:
    """``Invalid`` where one cannot be."""
    if not numbers or min(numbers) < 1 or max(numbers) > MAX_PARTS:
        raise Invalid(f"Parts have numbers from 1 to {MAX_PARTS}.", field="part_number")


def told_size(session: UploadSession) -> int | None:
    """The length that the client said at the beginning; ``None`` where it did not.

    Once there is a plan, ``declared_size`` is what was measured.
    """
    return session.declared_size if session.part_count is None else None


def plan_of(
    session: UploadSession, stored: Sequence[PartInfo], claimed: Mapping[int, str]
) -> PartPlan:
    """The plan that the claimed parts are.

    Args:
        session: Whose they are.
        stored: What the storage has.
        claimed: ETag by part number, as the client has them.

    Raises:
        WrongState: ``part_mismatch``: a part is missing, stored with another ETag or of another
            size than the others, or all together are not as long as was told. The session goes on.
        Invalid: No part was named, or together they are empty.
    """
    if not claimed:
        raise Invalid("List the parts with their ETags.", code="parts_required", field="parts")
    by_number = {part.part_number: part for part in stored}
    present = [by_number[number] for number in sorted(claimed) if number in by_number]
    size = sum(part.size for part in present)
    first = by_number[1].size if 1 in by_number else 0
    plan = PartPlan(size, first, max(claimed))
    require_joinable(checked_parts(planned(session, plan), stored, claimed))
    told = told_size(session)
    if told is not None and told != size:
        sentence = f"The parts have {size} bytes together, the file was said to have {told}."
        raise WrongState(sentence, code="part_mismatch")
    return plan


def planned(session: UploadSession, plan: PartPlan) -> UploadSession:
    """The session with its plan."""
    return replace(
        session, declared_size=plan.size, part_size=plan.part_size, part_count=plan.part_count
    )


def remembered_parts(session: UploadSession, etag: str) -> list[PartInfo]:
    """The parts of an upload that is joined already, for a client that lost the answer.

    Their own ETags are gone with them, and nobody compares them any more.
    """
    count = session.part_count or 0
    return [PartInfo(number, session.part_length(number), etag) for number in range(1, count + 1)]


def whole_parts(session: UploadSession, stored: Sequence[PartInfo]) -> list[PartInfo]:
    """Those parts that surely are whole, where the storage keeps broken-off ones too.

    A part that is shorter than the others may be the last, or a part that broke off. Only a plan
    or the told length tells; else it is left out, and the client sends it again.
    """
    part_size = max((part.size for part in stored), default=0)
    told = told_size(session)

    def is_whole(part: PartInfo) -> bool:
        if session.part_count is not None:
            return part.part_number <= session.part_count and part.size == session.part_length(
                part.part_number
            )
        if part.size == part_size and (len(stored) > 1 or part_size == session.part_size):
            return True
        return told is not None and part_size * (part.part_number - 1) + part.size == told

    return [part for part in stored if is_whole(part)]
