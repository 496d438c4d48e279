"""The few facts of EXIF that a gallery shows. Never the place, never the maker's notes."""

from collections.abc import Callable
from datetime import UTC, datetime
from fractions import Fraction
from typing import Final

_IFD0: Final = "exif-ifd0-"
_EXIF: Final = "exif-ifd2-"
_MAX_TEXT: Final = 100


def taken_at(text_of: Callable[[str], str | None]) -> datetime | None:
    """When the shutter opened, aware. A camera that does not tell its zone is taken as UTC.

    Args:
        text_of: Field name of libvips → its text, or ``None``.
    """
    moment = _first(text_of, f"{_EXIF}DateTimeOriginal") or _first(text_of, f"{_IFD0}DateTime")
    if moment is None:
        return None
    zone = _first(text_of, f"{_EXIF}OffsetTimeOriginal") or ""
    for text, form in ((moment + zone, "%Y:%m:%d %H:%M:%S%z"), (moment, "%Y:%m:%d %H:%M:%S")):
        try:
            read = datetime.strptime(text, form)  # noqa: DTZ007
            return read.replace(tzinfo=read.tzinfo or UTC).astimezone(UTC)
        except (ValueError, OverflowError):
            continue
    return None


def camera_facts(text_of: Callable[[str], str | None]) -> dict[str, str | float]:
    """``make``, ``model``, ``lens`` as text; ``exposure_s``, ``f_number``, ``iso``,
    ``focal_length_mm`` as numbers; what is absent or unreadable is left out.
    """  # noqa: D205
    facts: dict[str, str | float] = {}
    for name, tag in (("make", "ifd0-Make"), ("model", "ifd0-Model"), ("lens", "ifd2-LensModel")):
        text = _first(text_of, f"exif-{tag}")
        if text:
            facts[name] = text
    for name, tag in (
        ("exposure_s", "ExposureTime"),
        ("f_number", "FNumber"),
        ("iso", "ISOSpeedRatings"),
        ("focal_length_mm", "FocalLength"),
    ):
        number = _number(text_of(f"{_EXIF}{tag}"))
        if number is not None:
            facts[name] = number
    return facts


def _first(text_of: Callable[[str], str | None], name: str) -> str | None:
    # libvips writes "value (value, ASCII, 20 components, 20 bytes)"
    text = text_of(name)
    if text is None:
        return None
    value = text.rpartition(" (")[0].strip()
    printable = "".join(letter for letter in value if letter.isprintable())
    return printable[:_MAX_TEXT] or None


def _number(text: str | None) -> float | None:
    try:
        number = float(Fraction((text or "").split(" ", 1)[0]))
    except (ValueError, ZeroDivisionError, OverflowError):
        return None
    return round(number, 6) if number > 0 else None
