"""SVG rid of everything that is not the drawing itself: scripts, foreign content, outside links.

The text is read by Expat (which bounds the growth of entities and loads nothing from outside)
and written anew, so that no declaration, comment or instruction comes through.
"""

import re
from collections.abc import Mapping
from typing import Final
from xml.parsers import expat  # bounded: see the limits below and Expat's own
from xml.sax.saxutils import escape, quoteattr

MAX_ELEMENTS: Final = 100_000
MAX_DEPTH: Final = 256
MAX_GROWTH: Final = 4
"""The written text may be so many times as long as the read one (entities)."""

_DROPPED: Final = frozenset(
    {
        "script", "foreignobject", "iframe", "embed", "object", "audio", "video", "canvas",
        "handler", "listener", "include", "image-set",
    }
)  # fmt: skip
_LINKS: Final = frozenset({"href", "src"})
_DATA_PICTURE: Final = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]*")
_OUTSIDE_URL: Final = re.compile(r"url\(\s*(?![\s'\"]*#)[^)]*\)?", re.IGNORECASE)
_IMPORT: Final = re.compile(r"@import[^;]*;?", re.IGNORECASE)


def sanitised(text: bytes) -> bytes:
    """The drawing alone, as UTF-8.

    Links stay where they lead into the same text or hold a raster picture themselves.

    Raises:
        ValueError: The text is not XML, its root is not ``svg``, or it has too many elements, is
            nested too deeply or grows too much.
    """
    drawing = _Drawing(max_length=MAX_GROWTH * len(text) + 1000)
    parser = expat.ParserCreate()
    parser.StartElementHandler = drawing.start
    parser.EndElementHandler = drawing.end
    parser.CharacterDataHandler = drawing.characters
    try:
        parser.Parse(text, True)  # noqa: FBT003
    except expat.ExpatError as fault:
        raise ValueError(f"not XML: {fault}") from None
    return drawing.text().encode("utf-8")


class _Drawing:
    """Receives what Expat reads."""

    def __init__(self, *, max_length: int) -> None:
        self._written: list[str] = []
        self._length = 0
        self._max_length = max_length
        self._elements = 0
        self._open: list[str] = []
        self._dropped_at = 0  # depth of the outermost dropped element; 0: none
        self._style: list[str] | None = None

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        local = _local(name)
        if not self._open and local != "svg":
            raise ValueError("the root is not svg")
        self._open.append(name)
        self._elements += 1
        if self._elements > MAX_ELEMENTS or len(self._open) > MAX_DEPTH:
            raise ValueError("too many elements")
        if self._dropped_at:
            return
        if local in _DROPPED:
            self._dropped_at = len(self._open)
            return
        kept = (
            f" {key}={quoteattr(_rid(value))}"
            for key, value in attributes.items()
            if _is_kept(key, value)
        )
        self._write(f"<{name}{''.join(kept)}>")
        self._style = [] if local == "style" else None

    def end(self, name: str) -> None:
        if self._dropped_at:
            if self._dropped_at == len(self._open):
                self._dropped_at = 0
        else:
            if self._style is not None:
                self._write(escape(_rid("".join(self._style))))
                self._style = None
            self._write(f"</{name}>")
        self._open.pop()

    def characters(self, text: str) -> None:
        if self._dropped_at:
            return
        if self._style is not None:
            self._style.append(text)
        self._write("" if self._style is not None else escape(text), counted=len(text))

    def text(self) -> str:
        return "".join(self._written)

    def _write(self, text: str, *, counted: int | None = None) -> None:
        self._length += len(text) if counted is None else counted
        if self._length > self._max_length:
            raise ValueError("the text grows too much")
        self._written.append(text)


def _local(name: str) -> str:
    return name.rpartition(":")[2].lower()


def _is_kept(name: str, value: str) -> bool:
    if name.lower() == "xml:base" or _local(name).startswith("on"):
        return False
    if _local(name) not in _LINKS:
        return True
    link = value.strip()
    return link.startswith("#") or _DATA_PICTURE.fullmatch(link) is not None


def _rid(value: str) -> str:
    """Style rules or an attribute without links to the outside."""
    if "url" not in value.lower() and "@" not in value and "\\" not in value:
        return value
    plain = value.replace("\\", "")  # escapes could hide the next two
    return _OUTSIDE_URL.sub("none", _IMPORT.sub("", plain))
