"""TIFF, and the cameras' own formats that are TIFF inside."""

from typing import Final

from cimaise.uploads.signatures.base import Head, Order, Signature, number

# Of TIFF and BigTIFF: place and width of the directory's offset, width of its count.
_TIFF_VERSIONS: Final = {42: (4, 4, 2), 43: (8, 8, 8)}
_TIFF_TYPES: Final = frozenset(range(1, 19))
_TIFF_ENTRY_BYTES: Final = {42: 12, 43: 20}
_DNG_VERSION_TAG: Final = 50706


def _tiff_tags(head: Head) -> tuple[int, ...] | None:
    """Tags of the first directory, as far as seen; ``None`` where this is no TIFF (TIFF 6 §2)."""
    data = head.data
    order = _tiff_order(data)
    if order is None:
        return None
    version = number(data, 2, 2, order)
    if version not in _TIFF_VERSIONS:
        return None
    place, width, count_width = _TIFF_VERSIONS[version]
    at = number(data, place, width, order)
    if not 8 <= at < head.size - count_width:  # noqa: PLR2004
        return None
    if at + count_width > len(data):
        return ()  # the directory lies further on
    return _directory(head, at + count_width, number(data, at, count_width, order), version, order)


def _tiff_order(data: bytes) -> Order | None:
    if data.startswith(b"II"):
        return "little"
    return "big" if data.startswith(b"MM") else None


def _directory(
    head: Head, at: int, count: int, version: int, order: Order
) -> tuple[int, ...] | None:
    entry = _TIFF_ENTRY_BYTES[version]
    if count < 1 or at + count * entry > head.size:
        return None
    starts = range(at, min(at + count * entry, len(head.data) - entry + 1), entry)
    kinds = (number(head.data, start + 2, 2, order) for start in starts)
    if any(kind not in _TIFF_TYPES for kind in kinds):
        return None
    return tuple(number(head.data, start, 2, order) for start in starts)


def _is_tiff(head: Head) -> bool:
    return _tiff_tags(head) is not None


def _is_dng(head: Head) -> bool:
    return _DNG_VERSION_TAG in (_tiff_tags(head) or ())


def _is_cr2(head: Head) -> bool:
    return head.data[8:11] == b"CR\x02" and _is_tiff(head)


CR2: Final = Signature("image/x-canon-cr2", (".cr2",), _is_cr2)
DNG: Final = Signature("image/x-adobe-dng", (".dng",), _is_dng)
TIFF: Final = Signature("image/tiff", (".tif", ".tiff"), _is_tiff)
