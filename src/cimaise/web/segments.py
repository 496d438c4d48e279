"""Things by the first segment of a path: a request is compared with a few routes, not with all."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


def first_segment(path: str) -> str:
    """``files`` of ``/files/a``; empty for ``/``."""
    return path.partition("/")[2].partition("/")[0]


class BySegment(Generic[T]):
    """What may be meant by a path, in the order in which it was given."""

    def __init__(self, named: Iterable[tuple[str, T]]) -> None:
        """Args: named: Path templates; one that begins with a ``{name}`` may be any."""
        pairs = [(first_segment(path), value) for path, value in named]
        self._others = [value for segment, value in pairs if segment.startswith("{")]
        fixed = {segment for segment, _ in pairs if not segment.startswith("{")}
        self._by_segment: Mapping[str, Sequence[T]] = {
            one: [value for segment, value in pairs if segment == one or segment.startswith("{")]
            for one in fixed
        }

    def of(self, path: str) -> Sequence[T]:
        """All that a decoded path may mean."""
        return self._by_segment.get(first_segment(path), self._others)
