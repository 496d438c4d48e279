"""Names of files in an archive: safe, and different from each other."""

import unicodedata
from collections.abc import Sequence
from typing import Final

from cimaise.rfc.disposition import MAX_NAME_BYTES, clean_filename, extension_of

_FIRST_REPEAT: Final = 2


def unique_names(names: Sequence[str]) -> list[str]:
    """Safe names that differ even where capitals and compositions do not count, in order.

    The second ``a.jpg`` is ``a (2).jpg``, for whoever unpacks on a disk that knows no capitals.
    """
    taken: set[str] = set()
    repeats: dict[str, int] = {}
    unique = []
    for name in names:
        clean = chosen = clean_filename(name)
        number = repeats.get(_folded(clean), _FIRST_REPEAT)
        while _folded(chosen) in taken:
            chosen = _numbered(clean, number)
            number += 1
        repeats[_folded(clean)] = number
        taken.add(_folded(chosen))
        unique.append(chosen)
    return unique


def _numbered(name: str, number: int) -> str:
    extension = name[len(name) - len(extension_of(name)) :]
    tail = f" ({number}){extension}"
    room = max(0, MAX_NAME_BYTES - len(tail.encode()))
    stem = name.removesuffix(extension).encode()[:room]
    return stem.decode("utf-8", "ignore") + tail


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()
