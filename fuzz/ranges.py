"""``Range``: nothing raises but 416, and what is sent lies inside of the file, no byte twice."""

import atheris

from fuzz.harness import fuzz

with atheris.instrument_imports(include=["cimaise"]):
    from cimaise.rfc.ranges import multipart_length, parse_range, resolve_ranges

SEEDS = (
    b"bytes=0-499", b"bytes=500-", b"bytes=-1", b"bytes=0-0,-1", b"bytes= 0-5, 10-20",
    b"bytes=0-1,1-2,,9-", b"BYTES=00000-18446744073709551616",
)  # fmt: skip


def target(data: bytes) -> None:
    specs = parse_range(data[4:].decode("latin-1"))
    if specs is None:
        return
    size = int.from_bytes(data[:4], "big")
    spans = resolve_ranges(specs, size)
    assert all(0 <= span.start < span.stop <= size for span in spans)
    assert sum(span.stop - span.start for span in spans) <= size
    multipart_length(spans, size, media_type="image/png", boundary="b")


if __name__ == "__main__":
    fuzz(target, [b"\0\0\x10\0" + seed for seed in SEEDS])
