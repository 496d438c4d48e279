"""What a file is by its bytes: an answer for any bytes, and the same one for the same bytes."""

import atheris

from fuzz.harness import fuzz
from tests.kit.sample_table import GOOD, HOSTILE

with atheris.instrument_imports(include=["cimaise"]):
    from cimaise.uploads.signatures.base import HEAD_BYTES
    from cimaise.uploads.signatures.names import allowed_by_name
    from cimaise.uploads.signatures.table import SIGNATURES, UNKNOWN, sniff
    from cimaise.uploads.signatures.zipped import has_zip_end

TYPES = {signature.media_type for signature in SIGNATURES} | {UNKNOWN}
NAMES = ("a.jpg", "a.zip", "a.docx", "a.ts", "a")


def target(data: bytes) -> None:
    """The first two bytes say by how much the file is longer than what is looked at."""
    further, head = int.from_bytes(data[:2], "big"), data[2:]
    found = sniff(head, len(head) + further)
    assert found in TYPES
    for name in NAMES:
        allowed_by_name(name, found)
    has_zip_end(head)


if __name__ == "__main__":
    samples = [make() for make, _ in (*GOOD.values(), *HOSTILE.values())]
    fuzz(target, [b"\0\0" + sample for sample in samples], max_bytes=HEAD_BYTES + 2)
