"""RIFF, the container of WebP, WAV and AVI: a tag, a size, a form, then chunks."""

from cimaise.uploads.signatures.base import Head, number

_UNKNOWN_SIZES = (0, 0xFFFF_FFFF)  # recorders that cannot go back leave one of these


def is_riff(head: Head, form: bytes, *, whole: bool = False) -> bool:
    """A RIFF of this form whose size fits into the file.

    Args:
        head: The file.
        form: Four characters.
        whole: The size has to be known.
    """
    data = head.data
    if data[:4] != b"RIFF" or data[8:12] != form:
        return False
    size = number(data, 4, 4, "little")
    if not whole and size in _UNKNOWN_SIZES:
        return True
    # The form's name is counted; where a size is odd, the padding may be absent.
    return size >= len(form) and size + 8 <= head.size + 1


def has_chunk(head: Head, name: bytes, *, least_bytes: int) -> bool:
    """A chunk of that name and at least that length is among those that the head holds."""
    data, at = head.data, 12
    while at + 8 <= len(data):
        length = number(data, at + 4, 4, "little")
        if data[at : at + 4] == name:
            return length >= least_bytes
        at += 8 + length + length % 2
    return False
