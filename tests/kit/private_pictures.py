"""Pictures that say more than they should: places, serial numbers, owners, in every container."""

import struct
import zlib

import pyvips

SERIAL, OWNER, PLACE = b"SN-0815-4711", b"Anna Owner", struct.pack("<6I", 45, 1, 30, 1, 7, 1)


def exif() -> bytes:
    """Orientation and date beside a place, two serial numbers, an owner and a maker's notes."""

    def table(*entries: tuple[int, int, int, int]) -> bytes:
        return struct.pack("<H", len(entries)) + b"".join(
            struct.pack("<HHII", *entry) for entry in entries
        ) + bytes(4)  # fmt: skip

    date, note = b"2024:05:06 07:08:09\0", b"maker's own " + SERIAL + b"\0"
    serial, owner = SERIAL + b"\0", OWNER + b"\0"
    size = 8 + (2 + 36 + 4) + (2 + 60 + 4) + (2 + 48 + 4)
    at = {}
    for name, value in (("date", date), ("note", note), ("serial", serial), ("owner", owner), ("place", PLACE)):  # fmt: skip
        at[name], size = size, size + len(value)
    first = table((0x112, 3, 1, 6), (0x8769, 4, 1, 50), (0x8825, 4, 1, 116))
    camera = table(
        (0x9003, 2, len(date), at["date"]), (0x927C, 7, len(note), at["note"]),
        (0xA430, 2, len(owner), at["owner"]), (0xA431, 2, len(serial), at["serial"]),
        (0xA435, 2, len(serial), at["serial"]),
    )  # fmt: skip
    gps = table(
        (1, 2, 2, ord("N")), (2, 5, 3, at["place"]), (3, 2, 2, ord("E")), (4, 5, 3, at["place"])
    )
    return b"II*\0" + struct.pack("<I", 8) + first + camera + gps + date + note + serial + owner + PLACE  # fmt: skip


XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description exif:GPSLatitude="45,30.1N"'
    b' aux:SerialNumber="' + SERIAL + b'"/></rdf:RDF></x:xmpmeta>'
)


def segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body


def jpeg_with(*segments: bytes) -> bytes:
    body = bytes(pyvips.Image.gaussnoise(64, 48).cast("uchar").jpegsave_buffer(keep="none"))
    return body[:2] + b"".join(segments) + body[2:]


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_with(*chunks: bytes) -> bytes:
    body = bytes(pyvips.Image.gaussnoise(64, 48).cast("uchar").pngsave_buffer(keep="none"))
    return body[:33] + b"".join(chunks) + body[33:]


def webp_with(*chunks: tuple[bytes, bytes]) -> bytes:
    made = bytes(pyvips.Image.gaussnoise(64, 48).cast("uchar").webpsave_buffer(keep="none"))
    packed = [(b"VP8X", struct.pack("<I", 0x0C) + b"\x3f\0\0\x2f\0\0"), (made[12:16], made[20:])]
    whole = b"".join(
        kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)
        for kind, body in [packed[0], (made[12:16], made[20 : 20 + struct.unpack("<I", made[16:20])[0]]), *chunks]
    )  # fmt: skip
    return b"RIFF" + struct.pack("<I", len(whole) + 4) + b"WEBP" + whole
