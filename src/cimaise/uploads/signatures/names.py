"""Whether what a file is called fits what it is."""

from collections import defaultdict
from typing import Final

from cimaise.uploads.signatures import archives, audio, documents, pictures, programs, tiff, video
from cimaise.uploads.signatures.base import Signature
from cimaise.uploads.signatures.table import SIGNATURES, UNKNOWN

ZIP_TYPES: Final = frozenset(
    signature.media_type
    for signature in (
        archives.ZIP, documents.DOCX, documents.XLSX, documents.PPTX, documents.EPUB,
        documents.ODT, documents.ODS, documents.ODP, documents.ODG, documents.JAVA_ARCHIVE,
        documents.ANDROID_PACKAGE,
    )
)  # fmt: skip
"""Types whose files are ZIP archives."""

_ISO_MEDIA: Final = (video.MP4, video.M4V, video.QUICKTIME, video.THREE_GP, audio.M4A)
_MATROSKA: Final = (video.WEBM, video.MATROSKA)
_OGG: Final = (video.OGG_VIDEO, audio.OGG_AUDIO)
_HEIF: Final = (pictures.HEIC, pictures.HEIF)
_JPEG_2000: Final = (pictures.JP2, pictures.JPX, pictures.J2C)
_MARKUP: Final = (documents.HTML_PAGE, documents.XHTML_PAGE, documents.XML_DOCUMENT)
_NATIVE: Final = (programs.ELF, programs.MACH_O)
_FAMILIES: Final = (_ISO_MEDIA, _MATROSKA, _OGG, _HEIF, _JPEG_2000, _NATIVE)

# Text in an encoding of its own is unknown to the table, so unknown bytes may be called text.
_TEXT: Final = frozenset({"text/plain", "application/xml", programs.SCRIPT.media_type, UNKNOWN})
_TEXT_EXTENSIONS: Final = (
    ".txt", ".text", ".log", ".csv", ".tsv", ".json", ".yaml", ".yml", ".ini", ".srt", ".vtt",
    ".sh", ".bash",
)  # fmt: skip
_MIXED: Final = {
    # Both are often written with tags in them; they are served as plain text.
    ".md": _TEXT | {"text/html"},
    ".markdown": _TEXT | {"text/html"},
    # TypeScript and MPEG share these.
    ".ts": _TEXT | {video.TRANSPORT_STREAM.media_type},
    ".mts": _TEXT | {video.TRANSPORT_STREAM.media_type},
    ".php": frozenset({programs.PHP.media_type, programs.SCRIPT.media_type, *_TEXT, "text/html"}),
    ".phtml": frozenset({programs.PHP.media_type, *_TEXT, "text/html"}),
    # Camera makers' own formats are TIFF inside.
    ".dng": frozenset({tiff.DNG.media_type, tiff.TIFF.media_type}),
    ".cr2": frozenset({tiff.CR2.media_type, tiff.TIFF.media_type}),
    ".doc": frozenset({documents.OLE.media_type, documents.RTF.media_type}),
    # Sites name PNGs so, and not every tool puts a manifest or its like first.
    ".ico": frozenset({pictures.ICO.media_type, pictures.PNG.media_type}),
    ".jar": frozenset({documents.JAVA_ARCHIVE.media_type, archives.ZIP.media_type}),
    ".apk": frozenset(
        {
            documents.ANDROID_PACKAGE.media_type,
            documents.JAVA_ARCHIVE.media_type,
            archives.ZIP.media_type,
        }
    ),
}


def extension_of(filename: str) -> str:
    """The last extension with its dot, lower case; empty where there is none.

    Dots and blanks at the end do not count, because some systems drop them when saving.
    """
    stem, dot, extension = filename.rstrip(". \t").rpartition(".")
    return f".{extension.lower()}" if dot and stem and "/" not in extension else ""


def allowed_by_name(filename: str, media_type: str) -> bool:
    """Whether a file of this type may be called so.

    An extension that the table knows demands its own type, or one of the same family where
    writers of such files do not keep them apart (a ``.m4a`` may be any MP4, and everything that
    is a ZIP inside may be called ``.zip``). Any other extension, and none, promises nothing.

    Args:
        filename: As people see it.
        media_type: What :func:`~cimaise.uploads.signatures.table.sniff` found.
    """
    wanted = _TYPES_BY_EXTENSION.get(extension_of(filename))
    return wanted is None or media_type in wanted


def _types(signatures: tuple[Signature, ...]) -> frozenset[str]:
    return frozenset(signature.media_type for signature in signatures)


def _types_by_extension() -> dict[str, frozenset[str]]:
    wanted: defaultdict[str, set[str]] = defaultdict(set)
    for signature in SIGNATURES:
        for extension in signature.extensions:
            wanted[extension].add(signature.media_type)
            for family in _FAMILIES:
                if signature in family:
                    wanted[extension] |= _types(family)
    for extension in documents.HTML_PAGE.extensions + documents.XHTML_PAGE.extensions:
        wanted[extension] |= _types(_MARKUP) | _TEXT  # templates begin with anything
    for extension in documents.XML_DOCUMENT.extensions:
        wanted[extension] |= _types((*_MARKUP, pictures.SVG_PICTURE)) | _TEXT
    for extension in archives.ZIP.extensions:
        wanted[extension] |= ZIP_TYPES
    known = {extension: frozenset(types) for extension, types in wanted.items()}
    return known | dict.fromkeys(_TEXT_EXTENSIONS, _TEXT) | _MIXED


_TYPES_BY_EXTENSION: Final = _types_by_extension()
