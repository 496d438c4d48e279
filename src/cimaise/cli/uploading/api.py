"""The server's upload interface as calls; refusals come back as this project's errors."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar
from urllib.parse import quote

import msgspec
from msgspec import Struct, field

from cimaise.cli.uploading.transport import STALL_S, Answer, Transport
from cimaise.errors import (
    CimaiseError,
    Forbidden,
    Gone,
    Invalid,
    Malformed,
    NotFound,
    NotSignedIn,
    TooLarge,
    TooMany,
    TypeNotAllowed,
    UpstreamFailed,
    WrongState,
)

S = TypeVar("S", bound=Struct)

COMPLETE_S: Final = 3600.0
"""Time for joining and verifying: a large file is read once more."""

_REFUSALS: Final[Mapping[int, type[CimaiseError]]] = {
    400: Malformed,
    401: NotSignedIn,
    403: Forbidden,
    404: NotFound,
    409: WrongState,
    410: Gone,
    413: TooLarge,
    415: TypeNotAllowed,
    422: Invalid,
    429: TooMany,
}
_GOOD: Final = range(200, 300)
_MOVED: Final = range(300, 400)


class Part(Struct, frozen=True):
    """A part with its URL, or one that has arrived."""

    part_number: int
    size: int
    url: str = ""
    etag: str = ""


class Session(Struct, frozen=True):
    """An upload as the server tells it."""

    id: str
    size: int
    state: str
    strategy: str = "single"
    part_size: int = 0
    part_count: int = 0
    url: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)
    received_bytes: int = 0
    uploaded_parts: list[Part] = field(default_factory=list)


class FreshUrls(Struct, frozen=True):
    """New URLs of parts."""

    parts: list[Part]


class Completed(Struct, frozen=True):
    """A complete upload."""

    id: str
    state: str
    checksum_sha256: str | None = None
    file_id: str | None = None


class Published(Struct, frozen=True):
    """A published file."""

    id: str
    url: str
    checksum_sha256: str | None = None


class _Problem(Struct):
    error: str
    code: str = ""


class Api:
    """Calls to one server with one key. Each may raise any of the refusals, and UpstreamFailed."""

    def __init__(self, transport: Transport, server: str, key: str) -> None:
        self._transport = transport
        self._server = server.rstrip("/")
        self._key = key

    async def create(
        self, collection: str, filename: str, size: int, checksum_sha256: str | None
    ) -> Session:
        """Begin an upload."""
        body = {"collection": collection, "filename": filename, "size": size}
        if checksum_sha256 is not None:
            body["checksum_sha256"] = checksum_sha256
        return await self._call("POST", "/api/uploads", Session, body)

    async def progress(self, upload_id: str) -> Session:
        """What has arrived of an upload."""
        return await self._call("GET", f"/api/uploads/{upload_id}", Session)

    async def fresh_urls(self, upload_id: str, numbers: Sequence[int]) -> dict[int, str]:
        """URL by part number; at most 1,000."""
        answer = await self._call(
            "POST", f"/api/uploads/{upload_id}/parts", FreshUrls, {"part_numbers": list(numbers)}
        )
        return {part.part_number: part.url for part in answer.parts}

    async def complete(self, upload_id: str, etags: Mapping[int, str]) -> Completed:
        """Join and verify; without ``etags`` for an upload in one request."""
        listed = [{"part_number": number, "etag": etags[number]} for number in sorted(etags)]
        body: dict[str, Any] = {"parts": listed} if listed else {}
        path = f"/api/uploads/{upload_id}/complete"
        return await self._call("POST", path, Completed, body, wait_s=COMPLETE_S)

    async def publish(self, collection: str, upload_id: str, title: str) -> Published:
        """Make it visible; again it is the same file."""
        body = {"upload": upload_id, "title": title}
        path = f"/api/collections/{quote(collection, safe='')}/files"
        return await self._call("POST", path, Published, body)

    async def abort(self, upload_id: str) -> None:
        """End it; what has ended already is no fault."""
        answer = await self._send("DELETE", f"/api/uploads/{upload_id}", None, STALL_S)
        if answer.status not in _GOOD and answer.status not in (404, 409, 410):
            raise refusal(answer)

    async def _call(
        self, method: str, path: str, kind: type[S], body: object = None, *, wait_s: float = STALL_S
    ) -> S:
        answer = await self._send(method, path, body, wait_s)
        if answer.status not in _GOOD:
            raise refusal(answer)
        try:
            return msgspec.json.decode(answer.body, type=kind)
        except msgspec.DecodeError as fault:
            raise UpstreamFailed(f"{self._server} is no such server: it sent {fault}.") from fault

    async def _send(self, method: str, path: str, body: object, wait_s: float) -> Answer:
        headers = {"Authorization": f"Bearer {self._key}", "Accept": "application/json"}
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = msgspec.json.encode(body)
        return await self._transport.send(
            method, self._server + path, headers=headers, body=content, wait_s=wait_s
        )


def refusal(answer: Answer) -> CimaiseError:
    """An answer that is no success, as an error with the server's own sentence."""
    if answer.status in _MOVED:
        where = answer.headers.get("Location", "elsewhere")
        return UpstreamFailed(f"The server sends this to {where}: give that address as --server.")
    try:
        problem = msgspec.json.decode(answer.body, type=_Problem)
    except msgspec.DecodeError:
        problem = _Problem(f"The server answered with status {answer.status}.")
    kind = _REFUSALS.get(answer.status, UpstreamFailed)
    return kind(problem.error, code=problem.code or None)
