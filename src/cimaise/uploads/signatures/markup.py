"""Telling markup and plain text, the way a browser would that is left to guess.

Browsers look past a byte order mark, white space and comments before they decide that
something is a page (WHATWG MIME Sniffing §7.1); so does this, and it goes on to the root
element, so that SVG and XHTML are known by what they are.
"""

import codecs
import re
from typing import Final

from cimaise.uploads.signatures.base import Head

HTML: Final = "text/html"
XHTML: Final = "application/xhtml+xml"
SVG: Final = "image/svg+xml"
XML: Final = "application/xml"

_WHITE: Final = b" \t\n\x0c\r"
_XML_DECLARATION: Final = re.compile(rb"<\?xml\s")
_PROLOGUE: Final = re.compile(
    rb"\s*(?:(?P<opening><!--|<\?)|<!doctype\s+(?P<doctype>[a-z_][a-z0-9_.:-]*))", re.IGNORECASE
)
_ELEMENT: Final = re.compile(rb"\s*<([A-Za-z_][A-Za-z0-9_.:-]*)(?:[\s/>]|$)")
_INNER_SUBSET_END: Final = re.compile(rb"\]\s*>")
_HTML_ELEMENTS: Final = frozenset(
    b"a abbr address applet area article aside audio b base bdo big blink blockquote body br"
    b" button canvas center code details dialog div dl em embed fieldset figure font footer form"
    b" frame frameset h1 h2 h3 h4 h5 h6 head header hr html i iframe img input isindex kbd label"
    b" li link main map marquee math menu meta nav noscript object ol option p param picture pre"
    b" q s script section select slot small source span strike strong style sub summary sup table"
    b" tbody td template textarea title tr tt u ul var video xmp".split()
)
_HIDDEN_MARKUP: Final = re.compile(
    rb"<(?:!doctype\s+html|html|head|body|script|iframe|svg|img|style|object|embed)[\s/>]",
    re.IGNORECASE,
)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")  # ESC is in coloured logs
_WIDE: Final = (
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (b"<\x00", "utf-16-le"),  # no mark, but XML readers find it by its first character
    (b"\x00<", "utf-16-be"),
)
_LOOKED_THROUGH: Final = 1024


def markup_type(head: Head) -> str | None:
    """Which markup the file begins with, or ``None``."""
    data = _narrow(head.data).lstrip(_WHITE)
    if not data.startswith(b"<"):
        return None
    return _root_type(data, is_declared_xml=_XML_DECLARATION.match(data) is not None)


def is_text(head: Head) -> bool:
    """UTF-8 (or marked UTF-16) without control characters; the empty file is text too."""
    for mark, encoding in _WIDE[:2]:
        if head.data.startswith(mark):
            return _decodes(head, encoding)
    return _decodes(head, "utf-8")


def hides_markup(data: bytes) -> bool:
    """Tags that make a page within the bytes that a browser would look through."""
    return _HIDDEN_MARKUP.search(data, 0, _LOOKED_THROUGH) is not None


def _narrow(data: bytes) -> bytes:
    if data.startswith(codecs.BOM_UTF8):
        return data[len(codecs.BOM_UTF8) :]
    for mark, encoding in _WIDE:
        if data.startswith(mark):
            wide = data.decode(encoding, errors="replace").lstrip("\ufeff")
            return wide.encode("utf-8", errors="replace")
    return data


def _decodes(head: Head, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        text = decoder.decode(head.data, final=head.is_whole)
    except UnicodeDecodeError:
        return False
    return _CONTROL.search(text) is None


def _root_type(data: bytes, *, is_declared_xml: bool) -> str | None:
    """Walk over what may stand before the root element; every byte is passed once."""
    at, doctype, is_comment = 0, b"", False
    while ahead := _PROLOGUE.match(data, at):
        if ahead["doctype"]:
            doctype = ahead["doctype"].lower()
            at = _after_doctype(data, ahead.end())
        else:
            is_comment |= ahead["opening"] == b"<!--"
            at = _after(data, b"-->" if ahead["opening"] == b"<!--" else b"?>", ahead.end())
    root = _ELEMENT.match(data, at)
    if root is None:
        return _rootless(doctype, is_xml=is_declared_xml, is_comment=is_comment)
    name = root[1].lower().rpartition(b":")[2]
    if name == b"svg":
        return SVG
    if is_declared_xml:
        return XHTML if name == b"html" else XML
    if name in _HTML_ELEMENTS or doctype == b"html":
        return HTML
    return XML if doctype or _is_element(name, data, root.start(1)) else None


def _after(data: bytes, end: bytes, at: int) -> int:
    found = data.find(end, at)
    return len(data) if found < 0 else found + len(end)


def _after_doctype(data: bytes, at: int) -> int:
    close = data.find(b">", at)
    close = len(data) if close < 0 else close
    subset = data.find(b"[", at, close)
    if subset < 0:
        return close + 1
    end = _INNER_SUBSET_END.search(data, subset)
    return end.end() if end else len(data)


def _rootless(doctype: bytes, *, is_xml: bool, is_comment: bool) -> str | None:
    if is_xml:
        return XML
    if doctype == b"svg":
        return SVG
    return HTML if doctype or is_comment else None


def _is_element(name: bytes, data: bytes, at: int) -> bool:
    """A tag that is closed or names its namespace, unlike ``<someone> said``."""
    tag = data[at : _after(data, b">", at)]
    return tag.endswith(b"/>") or b"xmlns" in tag or b"</" + name in data[at:].lower()
