"""The exchanges that most cases are made of."""

from typing import Any, Final

from tests.kit.bodies import content
from tests.uploads.tus_conformance.exchange import BYTES, Exchange

WHOLE: Final = content(5000)
"""What is uploaded."""

Case = tuple[Exchange, ...]


def headers(names: dict[str, Any]) -> dict[str, str | None]:
    """``Upload_Length=5`` as a header."""
    return {
        name.replace("_", "-"): None if text is None else str(text) for name, text in names.items()
    }


def create(
    length: int | None = len(WHOLE), status: int = 201, keep: str = "a", **send: Any
) -> Exchange:
    """A creation; ``length`` ``None`` says none."""
    told = {} if length is None else {"Upload-Length": str(length)}
    has = {"Location": r"https?://.+"} if status == 201 else {}
    lacks = () if status == 201 else ("Location",)
    kept = keep if status == 201 else ""
    return Exchange("POST", "{new}", status, told | headers(send), keep=kept, has=has, lacks=lacks)


def create_with(body: bytes, status: int = 201, keep: str = "a", **send: Any) -> Exchange:
    """A creation that brings bytes."""
    told = {"Upload-Length": str(len(WHOLE)), "Content-Type": BYTES} | headers(send)
    has = {"Location": r"https?://.+"} if status == 201 else {}
    kept = keep if status == 201 else ""
    return Exchange("POST", "{new}", status, told, body=body, keep=kept, has=has)


def patch(
    body: bytes = WHOLE,
    offset: int | str | None = 0,
    status: int = 204,
    to: str = "{a}",
    **more: Any,
) -> Exchange:
    """Bytes at an offset; on success the new one is told."""
    own = {
        name: more.pop(name)
        for name in ("is_chunked", "trailer", "waits", "breaks_at")
        if name in more
    }
    told = {"Content-Type": BYTES, "Upload-Offset": None if offset is None else str(offset)}
    has = {"Upload-Offset": str(int(offset or 0) + len(body))} if status == 204 else {}
    return Exchange("PATCH", to, status, told | headers(more), body=body, has=has, **own)


def head(offset: int, length: int | None = len(WHOLE), to: str = "{a}", **has: str) -> Exchange:
    """What is told of an upload."""
    told = {"Upload-Offset": str(offset), "Cache-Control": "no-store"}
    lacks = ("Upload-Defer-Length",) if length is not None else ("Upload-Length",)
    size = {"Upload-Defer-Length": "1"} if length is None else {"Upload-Length": str(length)}
    more = {name.replace("_", "-"): text for name, text in has.items()}
    return Exchange("HEAD", to, (200, 204), has=told | size | more, lacks=lacks)


def gone(to: str = "{a}", status: int | tuple[int, ...] = 410) -> Exchange:
    """It is told of nowhere any more."""
    return Exchange("HEAD", to, status, lacks=("Upload-Offset",))


def delete(to: str = "{a}", status: int = 204) -> Exchange:
    """End it."""
    return Exchange("DELETE", to, status)
