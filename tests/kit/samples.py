"""Makers of small files of every kind."""

import io
import struct
import tarfile
import zipfile
import zlib

import pyvips


def be32(value: int) -> bytes:
    return struct.pack(">I", value)


def le32(value: int) -> bytes:
    return struct.pack("<I", value)


def drawn(suffix: str, **options: object) -> bytes:
    """A picture of 16 by 12 pixels, encoded."""
    picture = pyvips.Image.black(16, 12, bands=3).linear([1, 1, 1], [200, 100, 50])
    return bytes(
        picture.cast("uchar").copy(interpretation="srgb").write_to_buffer(suffix, **options)
    )


def entry(name: str) -> zipfile.ZipInfo:
    """An entry of a ZIP, always of the same moment: names of tests are made of samples."""
    return zipfile.ZipInfo(name, (2026, 3, 9, 10, 11, 12))


def zipped(
    *names: str, contents: dict[str, bytes] | None = None, method: int = zipfile.ZIP_DEFLATED
) -> bytes:
    """A ZIP of files called so."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name in names:
            content = (contents or {}).get(name, b"content of " + name.encode())
            archive.writestr(entry(name), content, method)
    return file.getvalue()


def zip_of_a_stream(*names: str) -> bytes:
    """A ZIP whose sizes come after the contents, as written to a pipe."""

    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.content = bytearray()

        def writable(self) -> bool:
            return True

        def write(self, chunk: bytes) -> int:  # type: ignore[override]
            self.content += chunk
            return len(chunk)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(entry(name), b"content", zipfile.ZIP_DEFLATED)
    return bytes(pipe.content)


def mimetyped(media_type: str) -> bytes:
    """EPUB's and OpenDocument's way: the type stored as the first entry."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(entry("mimetype"), media_type)
        archive.writestr(entry("content.xml"), "<x/>", zipfile.ZIP_DEFLATED)
    return file.getvalue()


def tarred(name: str = "a.txt") -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = 4
        archive.addfile(entry, io.BytesIO(b"text"))
    return file.getvalue()


def seven_zip(*, offset: int = 4, length: int = 2, crc: int | None = None) -> bytes:
    start = struct.pack("<QQI", offset, length, 7)
    sound = zlib.crc32(start) if crc is None else crc
    return b"7z\xbc\xaf\x27\x1c\0\x04" + le32(sound) + start + b"dataEH"


def rar4() -> bytes:
    header = struct.pack("<BHHHI", 0x73, 0, 13, 0, 0)
    return b"Rar!\x1a\x07\0" + struct.pack("<H", zlib.crc32(header) & 0xFFFF) + header + b"rest"


def rar5(kind: int = 1) -> bytes:
    header = bytes([3, kind, 0, 0])
    return b"Rar!\x1a\x07\x01\0" + le32(zlib.crc32(header)) + header + b"rest"


def box(name: bytes, content: bytes = b"") -> bytes:
    return be32(8 + len(content)) + name + content


def iso_media(major: bytes, *compatible: bytes) -> bytes:
    return box(b"ftyp", major + be32(0) + b"".join(compatible)) + box(b"mdat", b"\0" * 32)


def ebml(doc_type: bytes) -> bytes:
    inner = b"\x42\x86\x81\x01" + b"\x42\x82" + bytes([0x80 | len(doc_type)]) + doc_type
    return b"\x1a\x45\xdf\xa3" + bytes([0x80 | len(inner)]) + inner + b"\x18\x53\x80\x67\x80"


def riff(form: bytes, content: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", 4 + len(content)) + form + content


def wav() -> bytes:
    fmt = struct.pack("<HHIIHH", 1, 1, 8000, 8000, 1, 8)
    return riff(b"WAVE", b"fmt " + le32(16) + fmt + b"data" + le32(4) + b"\x80" * 4)


def avi() -> bytes:
    return riff(b"AVI ", b"LIST" + le32(12) + b"hdrlavih" + le32(0))


def ogg(codec: bytes) -> bytes:
    page = b"OggS\0\x02" + b"\0" * 8 + le32(1) + le32(0) + le32(0)
    return page + bytes([1, len(codec)]) + codec


def mp3_frame() -> bytes:
    return b"\xff\xfb\x90\x00" + b"\0" * 413  # 128 kbit/s, 44.1 kHz: 417 bytes


def id3(content: bytes = b"TIT2" + be32(2) + b"\0\0\0x") -> bytes:
    return b"ID3\x04\0\0" + bytes([0, 0, 0, len(content)]) + content


def adts_frame() -> bytes:
    return bytes([0xFF, 0xF1, 0x50, 0x80, 0x02, 0x1F, 0xFC]) + b"\0" * 9  # 16 bytes


def transport(packets: int = 6, prefix: bytes = b"") -> bytes:
    return (prefix + b"\x47\x40\x00\x10" + b"\xff" * 184) * packets


def flac() -> bytes:
    return b"fLaC\x80\0\0\x22" + b"\0" * 34


def bmp() -> bytes:
    pixels = b"\0" * 16
    info = struct.pack("<IiiHHIIiiII", 40, 2, 2, 1, 24, 0, len(pixels), 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + len(pixels), 0, 0, 54) + info + pixels


def ico() -> bytes:
    return (
        struct.pack("<HHH", 0, 1, 1)
        + struct.pack("<BBBBHHII", 16, 16, 0, 0, 1, 32, 8, 22)
        + b"\0" * 8
    )


def psd() -> bytes:
    return b"8BPS\0\1" + b"\0" * 6 + struct.pack(">HIIHH", 3, 10, 10, 8, 3) + b"\0" * 20


def tiff(*tags: int, order: str = "<") -> bytes:
    mark = b"II*\0" if order == "<" else b"MM\0*"
    rows = b"".join(struct.pack(order + "HHII", tag, 3, 1, 1) for tag in tags)
    return mark + struct.pack(order + "IH", 8, len(tags)) + rows + b"\0" * 4


def big_tiff() -> bytes:
    row = struct.pack("<HHQQ", 256, 3, 1, 1)
    return struct.pack("<2sHHHQQ", b"II", 43, 8, 0, 16, 1) + row + b"\0" * 8


def cr2() -> bytes:
    rows = struct.pack("<HHII", 256, 3, 1, 1)
    return (
        b"II*\0"
        + struct.pack("<I", 16)
        + b"CR\2\0"
        + le32(0)
        + struct.pack("<H", 1)
        + rows
        + b"\0" * 4
    )


def jp2(brand: bytes = b"jp2 ") -> bytes:
    start = box(b"jP  ", b"\r\n\x87\n")
    return start + box(b"ftyp", brand + be32(0) + brand) + box(b"jp2h", b"\0" * 8)


def jxl() -> bytes:
    start = box(b"JXL ", b"\r\n\x87\n")
    return start + box(b"ftyp", b"jxl " + be32(0) + b"jxl ") + box(b"jxlc", b"\xff\x0a")


def j2c() -> bytes:
    return (
        b"\xff\x4f\xff\x51"
        + struct.pack(">HHIIIIIIIIH", 41, 0, 8, 8, 0, 0, 8, 8, 0, 0, 1)
        + b"\7\1\1"
    )


def executable() -> bytes:
    return b"MZ" + b"\0" * 58 + le32(64) + b"PE\0\0\x64\x86" + b"\0" * 64


def dos_program() -> bytes:
    return b"MZ" + struct.pack("<HHHH", 100, 1, 0, 2) + b"\0" * 40


def elf() -> bytes:
    return b"\x7fELF\2\1\1" + b"\0" * 57


def mach_o() -> bytes:
    return b"\xcf\xfa\xed\xfe" + struct.pack("<III", 0x0100000C, 0, 2) + b"\0" * 16


def ole() -> bytes:
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 16 + struct.pack("<HHHH", 62, 3, 0xFFFE, 9)


def pdf() -> bytes:
    return b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n%%EOF\n"


def with_app_segments(jpeg: bytes, count: int) -> bytes:
    """The same picture behind so many 64 KB segments of metadata."""
    segment = b"\xff\xe1" + struct.pack(">H", 0xFFFF) + b"\0" * 0xFFFD
    return jpeg[:2] + segment * count + jpeg[2:]


def animated_png() -> bytes:
    """An APNG as far as its signature goes: acTL behind IHDR."""
    png = drawn(".png")
    control = b"acTL" + be32(1) + be32(0)
    return png[:33] + be32(8) + control + be32(zlib.crc32(control)) + png[33:]


def content_types(main: str) -> bytes:
    override = f'<Override PartName="/{main}" ContentType="x"/>'
    return f"<?xml version='1.0'?><Types>{override}</Types>".encode()
