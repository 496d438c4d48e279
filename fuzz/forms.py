"""The reader of forms: a body means the same, however it is cut into chunks."""

import atheris

from cimaise.errors import CimaiseError
from fuzz.harness import fuzz

with atheris.instrument_imports(include=["cimaise", "python_multipart"]):
    from cimaise.uploads.doors.multipart_reader import (
        MAX_PARTS,
        Event,
        Field,
        FileData,
        FileEnd,
        FileStart,
        Reader,
    )

BOUNDARY = b"bound"
PART = b'--bound\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
SEEDS = (
    PART % (b"a", b"", b"text") + b"--bound--\r\n",
    PART % (b"f", b'; filename="a.png"\r\nContent-Type: image/png', b"\x89PNG\r\n--boun")
    + PART % (b"collection", b"", b"summer")
    + b"--bound--",
    PART % (b"f", b"; filename*=UTF-8''%e2%82%ac.png", b"") + b"--bound--\r\n\r\n",
    PART % (b"f", b'; filename="%22%0D.png"\r\nContent-Transfer-Encoding: binary', b"--") * 2,
)

Read = tuple[str, str, bytes]


def target(data: bytes) -> None:
    step, body = data[0] + 1 if data else 1, data[1:]
    whole, cut = _read(body, len(body) or 1), _read(body, step)
    assert whole == cut
    assert whole is None or len(whole) <= MAX_PARTS


def _read(body: bytes, step: int) -> list[Read] | None:
    """Every part; ``None`` where the form is refused."""
    reader = Reader(BOUNDARY)
    try:
        for at in range(0, len(body), step):
            reader.feed(memoryview(bytearray(body[at : at + step])))
        reader.close()
    except CimaiseError:
        return None
    return _parts(list(reader.events))


def _parts(events: list[Event]) -> list[Read]:
    found: list[Read] = []
    for event in events:
        if isinstance(event, Field):
            found.append((event.name, event.text, b""))
        elif isinstance(event, FileStart):
            found.append((event.name, event.filename, b""))
        elif isinstance(event, FileData):
            name, filename, body = found[-1]
            found[-1] = (name, filename, body + bytes(event.chunk))
        else:
            assert isinstance(event, FileEnd)
    return found


if __name__ == "__main__":
    fuzz(target, [bytes([step]) + seed for seed in SEEDS for step in (0, 6)])
