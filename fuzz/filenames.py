"""File names: what is kept is safe and cleaning it again changes nothing; headers stay headers."""

import re
from urllib.parse import unquote

import atheris

from fuzz.harness import fuzz

with atheris.instrument_imports(include=["cimaise"]):
    from cimaise.rfc.disposition import (
        MAX_NAME_BYTES,
        clean_filename,
        extension_of,
        format_disposition,
    )

HEADER = re.compile(r"""(?:inline|attachment); filename="[^"\\%\x00-\x1f\x7f]*"(?:; filename\*=UTF-8''[!-~]+)?""")  # fmt: skip
SEEDS = (
    "holiday.jpg", "../../etc/passwd", "C:\\temp\\con.txt", "a\u202egpj.exe", "Größe €.tar.gz",
    "e\u0301.png", "x" * 300 + ".jpeg", "NUL", " . ", "\u200d\u200c", "\u1112\u1161\u11ab.png",
)  # fmt: skip


def target(data: bytes) -> None:
    name = data.decode("utf-8", "surrogateescape")
    clean = clean_filename(name)
    assert clean == clean_filename(clean), (name, clean)
    assert 1 <= len(clean.encode()) <= MAX_NAME_BYTES, clean
    assert not set(clean) & set('/\\<>:"|?*\0\r\n\u202e'), clean
    extension_of(name)
    for text in (name, clean):
        header = format_disposition(text, attachment=bool(data[:1]))
        assert header.isascii(), header
        assert HEADER.fullmatch(header), header
        unquote(header, errors="strict")


if __name__ == "__main__":
    fuzz(target, [seed.encode() for seed in SEEDS], max_bytes=1024)
