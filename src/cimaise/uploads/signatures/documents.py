"""Documents: PDF, office files (which are ZIPs with a certain first content), markup, text."""

import re
from collections.abc import Callable
from typing import Final

from cimaise.uploads.signatures.base import Head, Signature, begins, number
from cimaise.uploads.signatures.markup import (
    HTML,
    XHTML,
    XML,
    hides_markup,
    is_text,
    markup_type,
)
from cimaise.uploads.signatures.zipped import entries

_PDF: Final = re.compile(rb"%PDF-[12]\.\d")
_PDF_OBJECT: Final = re.compile(rb"[\s\d]\d[ \t\r\n]+obj\b")
_POSTSCRIPT: Final = re.compile(rb"%!PS(?:-Adobe-\d|\r|\n)")
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OLE_SECTORS: Final = frozenset({9, 12})  # as powers of two: version 3 and 4
_OOXML: Final = "application/vnd.openxmlformats-officedocument"
_ODF: Final = "application/vnd.oasis.opendocument"
_FAILED_MAGICS: Final = (
    b"GIF8", b"ID3", b"BM", b"%PDF", b"PK", b"RIFF", b"\x89PNG", b"\xff\xd8\xff", b"Rar!",
    b"7z\xbc\xaf", b"II*\0", b"MM\0*", b"OggS", b"fLaC", b"%!", b"{\\rtf",
)  # fmt: skip


def _is_pdf(head: Head) -> bool:
    """ISO 32000-1 §7.5.2: the header at the very start, and objects after it."""
    is_headed = _PDF.match(head.data) is not None
    return is_headed and (_PDF_OBJECT.search(head.data) is not None or not head.is_whole)


def _is_ole(head: Head) -> bool:
    """MS-CFB §2.2: byte order and sector size of the header."""
    data = head.data
    return (
        data.startswith(_OLE)
        and data[28:30] == b"\xfe\xff"
        and number(data, 30, 2, "little") in _OLE_SECTORS
    )


def _office_open(folder: bytes, main_part: bytes) -> Callable[[Head], bool]:
    """ECMA-376 part 2: a package has content types and relations; the folder tells which."""

    def test(head: Head) -> bool:
        names = [entry.name for entry in entries(head)]
        is_package = b"[Content_Types].xml" in names or b"_rels/.rels" in names
        if main_part in names or (is_package and any(name.startswith(folder) for name in names)):
            return True
        return b"/" + main_part in _content_types(head)

    return test


def _content_types(head: Head) -> bytes:
    """What the package's list of content types says, where it is among the first entries."""
    for entry in entries(head):
        if entry.name == b"[Content_Types].xml":
            return entry.content
    return b""


def _declares(media_type: str) -> Callable[[Head], bool]:
    """The first entry is called ``mimetype`` and holds this (OCF 3.3 §4.3, ODF 1.3 part 2 §3.3)."""

    def test(head: Head) -> bool:
        first = next(entries(head), None)
        return (
            first is not None
            and first.name == b"mimetype"
            and first.content.strip() == media_type.encode()
        )

    return test


def _is_java_archive(head: Head) -> bool:
    names = [entry.name for entry in entries(head)]
    return bool(names) and (names[0] == b"META-INF/" or b"META-INF/MANIFEST.MF" in names[:3])


def _is_android_package(head: Head) -> bool:
    return any(entry.name in {b"AndroidManifest.xml", b"classes.dex"} for entry in entries(head))


def _is_markup(media_type: str) -> Callable[[Head], bool]:
    return lambda head: markup_type(head) == media_type


def _is_page_behind_a_magic(head: Head) -> bool:
    """Something else's first bytes without its structure, and then tags: a page in disguise."""
    return head.data.startswith(_FAILED_MAGICS) and hides_markup(head.data)


PDF: Final = Signature("application/pdf", (".pdf",), _is_pdf)
POSTSCRIPT: Final = Signature(
    "application/postscript",
    (".ps", ".eps"),
    lambda head: _POSTSCRIPT.match(head.data) is not None,
)
RTF: Final = Signature("application/rtf", (".rtf",), begins(b"{\\rtf1"))
OLE: Final = Signature("application/x-ole-storage", (".doc", ".xls", ".ppt", ".msi"), _is_ole)
DOCX: Final = Signature(
    f"{_OOXML}.wordprocessingml.document",
    (".docx", ".docm", ".dotx"),
    _office_open(b"word/", b"word/document.xml"),
)
XLSX: Final = Signature(
    f"{_OOXML}.spreadsheetml.sheet",
    (".xlsx", ".xlsm", ".xltx"),
    _office_open(b"xl/", b"xl/workbook.xml"),
)
PPTX: Final = Signature(
    f"{_OOXML}.presentationml.presentation",
    (".pptx", ".pptm", ".potx", ".ppsx"),
    _office_open(b"ppt/", b"ppt/presentation.xml"),
)
EPUB: Final = Signature("application/epub+zip", (".epub",), _declares("application/epub+zip"))
ODT: Final = Signature(f"{_ODF}.text", (".odt",), _declares(f"{_ODF}.text"))
ODS: Final = Signature(f"{_ODF}.spreadsheet", (".ods",), _declares(f"{_ODF}.spreadsheet"))
ODP: Final = Signature(f"{_ODF}.presentation", (".odp",), _declares(f"{_ODF}.presentation"))
ODG: Final = Signature(f"{_ODF}.graphics", (".odg",), _declares(f"{_ODF}.graphics"))
JAVA_ARCHIVE: Final = Signature(
    "application/java-archive", (".jar", ".war", ".ear"), _is_java_archive
)
ANDROID_PACKAGE: Final = Signature(
    "application/vnd.android.package-archive", (".apk",), _is_android_package
)
HTML_PAGE: Final = Signature(HTML, (".html", ".htm"), _is_markup(HTML))
XHTML_PAGE: Final = Signature(XHTML, (".xhtml", ".xht"), _is_markup(XHTML))
XML_DOCUMENT: Final = Signature(XML, (".xml", ".xsl", ".gpx", ".kml"), _is_markup(XML))
HIDDEN_PAGE: Final = Signature(HTML, (), _is_page_behind_a_magic)
PLAIN_TEXT: Final = Signature("text/plain", (".txt", ".text", ".log"), is_text)
