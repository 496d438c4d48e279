"""Every door for uploads as one call: send a file through it, and tell how that ended.

Written from the interface alone. What a door refuses is told as its first answer that is an error;
nothing is tried again and nothing is tidied up afterwards, so whatever is left is the server's.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

import httpx2

from tests.kit.application import TLS
from tests.kit.tus import metadata

STEP: Final = 64 * 1024
TUS: Final = {"Tus-Resumable": "1.0.0"}
BYTES: Final = "application/offset+octet-stream"


@dataclass(frozen=True)
class Sent:
    """What somebody tries to send.

    Attributes:
        collection: Where to.
        body: The bytes.
        filename: As its sender calls it.
        declared_type: Media type as its sender calls it; ``None``: not said.
    """

    collection: str
    body: bytes
    filename: str = "tool.zip"
    declared_type: str | None = "application/zip"


@dataclass(frozen=True)
class Verdict:
    """How it ended.

    Attributes:
        status: Of the first answer that refused; 200 where none did.
        code: Of that answer; ``ok`` where none did.
        sent_bytes: Bytes of the file that had left before that answer.
        answer: The whole of it, for messages.
    """

    status: int
    code: str
    sent_bytes: int = field(default=0, compare=False)
    answer: str = field(default="", compare=False)


class Refused(Exception):
    """An answer that is an error."""

    def __init__(self, answer: httpx2.Response) -> None:
        super().__init__(answer.text)
        self.answer = answer


@dataclass(frozen=True)
class Door:
    """One way in.

    Attributes:
        name: As in the ids of tests.
        tells_size: The server knows how long the file is before its first byte.
        is_resumable: Bytes that arrived stay for a while after a failure of the network.
        go: Sends; raises :class:`Refused` at the first error.
    """

    name: str
    tells_size: bool
    go: "Callable[[_Journey], None]"
    is_resumable: bool = False

    def send(self, client: httpx2.Client, sent: Sent) -> Verdict:
        """Try it, and tell how it ended."""
        journey = _Journey(client, sent)
        try:
            self.go(journey)
        except Refused as refusal:
            answer = refusal.answer
            return Verdict(answer.status_code, _code(answer), journey.sent_bytes, answer.text)
        return Verdict(200, "ok", journey.sent_bytes)


def _code(answer: httpx2.Response) -> str:
    if answer.headers.get("content-type", "").startswith("application/json"):
        return str(answer.json().get("code"))
    return "storage"


@dataclass
class _Journey:
    """A file on its way."""

    client: httpx2.Client
    sent: Sent
    sent_bytes: int = 0

    def ask(self, method: str, url: str, *, carries: int = 0, **more: Any) -> httpx2.Response:
        """One request; ``carries`` bytes of the file go with it."""
        answer = self.client.request(method, url, **more)
        if answer.status_code >= 400:
            raise Refused(answer)
        self.sent_bytes += carries
        return answer

    def put(self, url: str, piece: bytes, headers: dict[str, str] | None = None) -> str:
        """Bytes to a signed URL, without the account's key; gives the ETag."""
        answer = httpx2.put(url, content=piece, headers=headers or {}, timeout=30, verify=TLS)
        if answer.status_code >= 400:
            raise Refused(answer)
        self.sent_bytes += len(piece)
        return answer.headers["etag"]

    def stream(self) -> Iterator[bytes]:
        """The body without its length (``Transfer-Encoding: chunked``)."""
        for start in range(0, len(self.sent.body), STEP):
            yield self.sent.body[start : start + STEP]


def _single(journey: _Journey) -> None:
    made = _begun(journey, "single")
    journey.put(made["url"], journey.sent.body, made["headers"])
    _finished(journey, made, None)


def _multipart(journey: _Journey) -> None:
    made = _begun(journey, "multipart")
    body, step = journey.sent.body, made["part_size"]
    parts = []
    for part in made["parts"]:
        start = (part["part_number"] - 1) * step
        etag = journey.put(part["url"], body[start : start + part["size"]])
        parts.append({"part_number": part["part_number"], "etag": etag})
    _finished(journey, made, parts)


def _begun(journey: _Journey, strategy: str) -> dict[str, Any]:
    sent = journey.sent
    wanted: dict[str, Any] = {
        "collection": sent.collection, "filename": sent.filename, "size": len(sent.body),
        "strategy": strategy,
    }  # fmt: skip
    if sent.declared_type is not None:
        wanted["content_type"] = sent.declared_type
    made: dict[str, Any] = journey.ask("POST", "/api/uploads", json=wanted).json()
    return made


def _finished(journey: _Journey, made: dict[str, Any], parts: list[Any] | None) -> None:
    journey.ask("POST", f"/api/uploads/{made['id']}/complete", json={"parts": parts})
    where = f"/api/collections/{journey.sent.collection}/files"
    journey.ask("POST", where, json={"upload": made["id"]})


def _form(journey: _Journey, *, collection_first: bool) -> None:
    sent = journey.sent
    name = ("collection", (None, sent.collection))
    file = ("file", (sent.filename, sent.body, sent.declared_type or ""))
    fields: list[Any] = [name, file] if collection_first else [file, name]
    journey.ask("POST", "/upload", files=fields, carries=len(sent.body))


def _raw(journey: _Journey, *, tells_size: bool) -> None:
    sent = journey.sent
    where = f"/api/collections/{quote(sent.collection)}/files/{quote(sent.filename, safe='')}"
    headers = {} if sent.declared_type is None else {"Content-Type": sent.declared_type}
    content = sent.body if tells_size else journey.stream()
    journey.ask("PUT", where, content=content, headers=headers, carries=len(sent.body))


def _tus(journey: _Journey, *, tells_size: bool) -> None:
    sent = journey.sent
    told = {"collection": sent.collection, "filename": sent.filename}
    if sent.declared_type is not None:
        told["filetype"] = sent.declared_type
    length = {"Upload-Length": str(len(sent.body))} if tells_size else {"Upload-Defer-Length": "1"}
    made = journey.ask(
        "POST", "/tus/", headers=TUS | length | {"Upload-Metadata": metadata(**told)}
    )
    url = made.headers["location"]
    at = TUS | {"Content-Type": BYTES, "Upload-Offset": "0"}
    content = sent.body if tells_size else journey.stream()
    journey.ask("PATCH", url, headers=at, content=content, carries=len(sent.body))
    if not tells_size:
        end = at | {"Upload-Offset": str(len(sent.body)), "Upload-Length": str(len(sent.body))}
        journey.ask("PATCH", url, headers=end, content=b"")


def _tus_in_creation(journey: _Journey) -> None:
    sent = journey.sent
    told = {"collection": sent.collection, "filename": sent.filename}
    if sent.declared_type is not None:
        told["filetype"] = sent.declared_type
    headers = TUS | {
        "Upload-Length": str(len(sent.body)),
        "Upload-Metadata": metadata(**told),
        "Content-Type": BYTES,
    }
    journey.ask("POST", "/tus/", headers=headers, content=sent.body, carries=len(sent.body))


def _meta(sent: Sent, *, tells_size: bool) -> dict[str, str]:
    return {"collection": sent.collection} | ({"size": str(len(sent.body))} if tells_size else {})


def _companion_form(journey: _Journey, *, tells_size: bool) -> None:
    sent = journey.sent
    meta = _meta(sent, tells_size=tells_size)
    query = {"filename": sent.filename} | {f"metadata[{key}]": text for key, text in meta.items()}
    if sent.declared_type is not None:
        query["type"] = sent.declared_type
    form = journey.ask("GET", "/companion/s3/params", params=query).json()
    file = {"file": (sent.filename, sent.body, sent.declared_type or "")}
    answer = httpx2.post(form["url"], data=form["fields"], files=file, timeout=30, verify=TLS)
    if answer.status_code >= 400:
        raise Refused(answer)
    journey.sent_bytes += len(sent.body)


def _companion_parts(journey: _Journey, *, tells_size: bool) -> None:
    sent, step = journey.sent, 5 * 1024 * 1024
    wanted = {"filename": sent.filename, "metadata": _meta(sent, tells_size=tells_size)}
    if sent.declared_type is not None:
        wanted["type"] = sent.declared_type
    upload = journey.ask("POST", "/companion/s3/multipart", json=wanted).json()["uploadId"]
    at = f"/companion/s3/multipart/{upload}"
    parts = []
    for number, start in enumerate(range(0, max(1, len(sent.body)), step), 1):
        url = journey.ask("GET", f"{at}/{number}?key={upload}").json()["url"]
        etag = journey.put(url, sent.body[start : start + step])
        parts.append({"PartNumber": number, "ETag": etag})
    journey.ask("POST", f"{at}/complete?key={upload}", json={"parts": parts})


DOORS: Final = (
    Door("single", True, _single),
    Door("multipart", True, _multipart, is_resumable=True),
    Door("form", False, lambda journey: _form(journey, collection_first=True)),
    Door("form, collection last", False, lambda journey: _form(journey, collection_first=False)),
    Door("raw", True, lambda journey: _raw(journey, tells_size=True)),
    Door("raw, chunked", False, lambda journey: _raw(journey, tells_size=False)),
    Door("tus", True, lambda journey: _tus(journey, tells_size=True), is_resumable=True),
    Door("tus, deferred", False, lambda journey: _tus(journey, tells_size=False), is_resumable=True),
    Door("tus, with creation", True, _tus_in_creation),
    Door("companion form", False, lambda journey: _companion_form(journey, tells_size=False)),
    Door("companion form, told", True, lambda journey: _companion_form(journey, tells_size=True)),
    Door("companion parts", False, lambda journey: _companion_parts(journey, tells_size=False), is_resumable=True),
    Door("companion parts, told", True, lambda journey: _companion_parts(journey, tells_size=True), is_resumable=True),
)  # fmt: skip
"""Every door that there is, each as a client uses it."""
