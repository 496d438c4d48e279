"""The table of signatures. Its order is the order of belief: the first that fits is the type."""

from typing import Final

from cimaise.uploads.signatures import archives, audio, documents, pictures, programs, tiff, video
from cimaise.uploads.signatures.base import HEAD_BYTES, Head, Signature

UNKNOWN: Final = "application/octet-stream"

SIGNATURES: Final[tuple[Signature, ...]] = (
    # What a computer would run. An installer that is also an archive is a program.
    programs.ELF, programs.WINDOWS, programs.MACH_O, programs.JAVA_CLASS, programs.WASM,
    programs.SHORTCUT, programs.SCRIPT, programs.PHP,
    # Markup, before anything whose magic is not at the very start: a page that carries an
    # archive's or a stream's bytes further on is a page.
    documents.HTML_PAGE, documents.XHTML_PAGE, pictures.SVG_PICTURE, documents.XML_DOCUMENT,
    # Pictures; those that are built on another one's format come before it.
    pictures.JPEG, pictures.PNG, pictures.GIF, pictures.WEBP, pictures.AVIF, pictures.HEIC,
    pictures.HEIF, pictures.CR3, tiff.CR2, tiff.DNG, tiff.TIFF, pictures.BMP,
    pictures.JXL, pictures.ICO, pictures.PSD, pictures.JP2, pictures.JPX, pictures.J2C,
    # Sound and video.
    audio.M4A, video.M4V, video.THREE_GP, video.QUICKTIME, video.MP4, video.WEBM,
    video.MATROSKA, video.AVI, video.ASF, video.OGG_VIDEO, audio.OGG_AUDIO, audio.FLAC,
    audio.WAV, audio.AIFF, audio.AAC, audio.MP3, video.PROGRAM_STREAM,
    # Documents; those that are ZIPs come before ZIP.
    documents.PDF, documents.OLE, documents.RTF, documents.POSTSCRIPT, documents.EPUB,
    documents.ODT, documents.ODS, documents.ODP, documents.ODG, documents.DOCX, documents.XLSX,
    documents.PPTX, documents.ANDROID_PACKAGE, documents.JAVA_ARCHIVE,
    # Archives.
    archives.ZIP, archives.SEVEN_ZIP, archives.RAR5, archives.RAR4, archives.GZIP,
    archives.BZIP2, archives.XZ, archives.ZSTANDARD,
    # Magics further on.
    archives.TAR, video.TRANSPORT_STREAM,
    # What is left.
    documents.HIDDEN_PAGE, documents.PLAIN_TEXT,
)  # fmt: skip


def sniff(head: bytes, size: int) -> str:
    """What a file is, by its bytes alone.

    Args:
        head: Its first 64 KiB (more is not looked at), or all where it is shorter.
        size: Length of the whole file in bytes.

    Returns:
        A media type; ``application/octet-stream`` where no signature fits. An empty file is
        ``text/plain``.
    """
    seen = Head(head[:HEAD_BYTES], size)
    for signature in SIGNATURES:
        if signature.test(seen):
            return signature.media_type
    return UNKNOWN
