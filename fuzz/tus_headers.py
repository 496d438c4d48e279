"""tus: ``Upload-Metadata``, ``Upload-Concat``, ``Upload-Checksum`` and numbers."""

import atheris

from fuzz.harness import fuzz

with atheris.instrument_imports(include=["cimaise"]):
    from cimaise.rfc.tus import (
        MAX_METADATA,
        MAX_PIECES,
        last_segment,
        parse_checksum,
        parse_concat,
        parse_metadata,
        parse_number,
    )

SEEDS = (
    b"mfilename d29ybGQucGRm,is_confidential", b"mname aGVsbG8=,type aW1hZ2UvcG5n", b"m",
    b"cpartial", b"cfinal;/files/a /files/b", b"cfinal;https://host/files/a http://[::1]/b",
    b"ssha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=", b"n1234567890",
)  # fmt: skip


def _metadata(text: str) -> None:
    found = parse_metadata(text)
    assert sum(map(len, found.values())) <= MAX_METADATA
    assert all(key and " " not in key and "," not in key for key in found)


def _concat(text: str) -> None:
    found = parse_concat(text)
    assert len(found.urls) <= MAX_PIECES
    for url in found.urls:
        assert "/" not in last_segment(url)


def target(data: bytes) -> None:
    kind, text = data[:1], data[1:].decode("latin-1")
    if kind == b"m":
        _metadata(text)
    elif kind == b"c":
        _concat(text)
    elif kind == b"s":
        parse_checksum(text)
    else:
        assert 0 <= parse_number(text, "Upload-Length") < 10**18


if __name__ == "__main__":
    fuzz(target, SEEDS, max_bytes=MAX_METADATA + 100)
