"""What a client would rather have: ``Accept`` (RFC 9110 §12)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cimaise.rfc.media_types import TCHARS, parse_parameters

# A quotation mark that is never closed takes the rest of the header, so reading stays linear.
_ELEMENT: Final = re.compile(r'(?:[^",]|"(?:[^"\\]|\\.)*+(?:"|\\?\Z))++', re.DOTALL)
_RANGE: Final = re.compile(rf"({TCHARS})/({TCHARS})(.*+)", re.DOTALL)
_QUALITY: Final = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")


@dataclass(frozen=True, slots=True)
class MediaRange:
    """One element of ``Accept`` (RFC 9110 §12.5.1).

    Attributes:
        media_type: ``type/subtype``, ``type/*`` or ``*/*``, lower case.
        quality: 0.0 (not wanted) to 1.0.
        parameters: Names and values other than ``q``. A range that has some means only
            types with the same ones.
    """

    media_type: str
    quality: float = 1.0
    parameters: tuple[tuple[str, str], ...] = ()

    @property
    def specificity(self) -> int:
        """0 for ``*/*``, 1 for ``type/*``, 2 for a type, more with parameters."""
        if self.media_type == "*/*":
            return 0
        return 1 if self.media_type.endswith("/*") else 2 + len(self.parameters)


def parse_accept(header: str | None) -> tuple[MediaRange, ...]:
    """Read ``Accept`` (RFC 9110 §12.5.1, §12.4.2), in the order of the header.

    Elements that break the grammar are left out; the others still count.
    """
    elements = _ELEMENT.findall(header or "")
    return tuple(found for text in elements if (found := _parse_element(text)) is not None)


def _parse_element(text: str) -> MediaRange | None:
    match = _RANGE.fullmatch(text.strip(" \t"))
    if match is None or (match[1] == "*" and match[2] != "*"):
        return None
    parameters = parse_parameters(match[3])
    if parameters is None:
        return None
    quality = parameters.pop("q", "1")
    if not _QUALITY.fullmatch(quality):
        return None
    return MediaRange(
        f"{match[1]}/{match[2]}".lower(), float(quality), tuple(sorted(parameters.items()))
    )


def quality_of(ranges: Sequence[MediaRange], media_type: str) -> float:
    """How much a type is wanted: the most specific range decides (RFC 9110 §12.5.1).

    Args:
        ranges: See :func:`parse_accept`.
        media_type: Lower case, without parameters.

    Returns:
        0.0 to 1.0; 1.0 for everything where nothing was asked for (``ranges`` is empty).
    """
    if not ranges:
        return 1.0
    names = (media_type, f"{media_type.partition('/')[0]}/*", "*/*")
    fitting = [
        (found.specificity, found.quality)
        for found in ranges
        if not found.parameters and found.media_type in names
    ]
    return max(fitting, default=(0, 0.0))[1]


def choose_image_format(accept: str | None, candidates: Sequence[str]) -> str:
    """The format to send a picture in (RFC 9110 §12.1, §12.5.1).

    Only a type that the client names counts for the newer formats. ``image/*`` and ``*/*`` come
    from every browser, also from those that cannot show AVIF or WebP, and from programs that
    never thought of pictures: taken at their word they would get bytes that they cannot read.

    Args:
        accept: The header, or ``None``.
        candidates: Media types in lower case, at least one, the most welcome to us first; between formats that the client
            wants alike this order decides. The last one is what everybody can read: it is
            wanted by wildcards too, and it is the answer where nothing else is, even where the
            client refuses it (§12.4.1 lets a server do so rather than send nothing).
    """
    ranges = parse_accept(accept)
    *newer, fallback = candidates
    named = {found.media_type for found in ranges if not found.parameters}
    best, best_quality = fallback, quality_of(ranges, fallback)
    for candidate in reversed(newer):
        quality = quality_of(ranges, candidate) if candidate in named else 0.0
        if quality > 0 and quality >= best_quality:
            best, best_quality = candidate, quality
    return best


def prefers_html(accept: str | None) -> bool:
    """Is this somebody who reads pages, rather than a program (RFC 9110 §12.5.1)?

    ``text/html`` must be named, and be wanted at least as much as ``application/json``.
    """
    ranges = parse_accept(accept)
    if not any(found.media_type == "text/html" and not found.parameters for found in ranges):
        return False
    html = quality_of(ranges, "text/html")
    return html > 0 and html >= quality_of(ranges, "application/json")


_CODING: Final = re.compile(rf"({TCHARS})(?:[ \t]*;[ \t]*[qQ]=({_QUALITY.pattern}))?")


def accepts_coding(header: str | None, coding: str) -> bool:
    """Whether a body in a content coding is welcome: ``Accept-Encoding`` (RFC 9110 §12.5.3).

    Args:
        header: ``None`` where the client said nothing: then a coding is allowed by the standard,
            but whoever says nothing is seldom able to read one, so the answer is no.
        coding: Such as ``gzip``, lower case.
    """
    wanted: dict[str, float] = {}
    for element in (header or "").split(","):
        match = _CODING.fullmatch(element.strip(" \t"))
        if match is not None:
            wanted[match[1].lower()] = float(match[2] or 1)
    return wanted.get(coding, wanted.get("*", 0.0)) > 0
