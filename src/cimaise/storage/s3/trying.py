"""What a store does where stores differ: found out with small requests, on keys of their own.

Documentation and reality differ from release to release; see the table of providers in the
reference. Nothing here is believed because of a name.
"""

import base64
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import md5, sha256
from typing import Any, Final

import aiohttp
from yarl import URL

from cimaise.errors import CimaiseError
from cimaise.rfc.sigv4 import Signer
from cimaise.storage.s3.control import Control
from cimaise.storage.s3.location import Location

_EXPIRES_S: Final = 300
_TYPE: Final = "application/octet-stream"
_BODY: Final = b"cimaise looks what this storage does"
_TIMEOUT: Final = aiohttp.ClientTimeout(total=30)
_REFUSED: Final = 400
_PRECONDITION_FAILED: Final = 412


@dataclass(frozen=True, slots=True)
class Answer:
    """Of a raw request."""

    status: int
    headers: Mapping[str, str]

    @property
    def is_refused(self) -> bool:
        """Whether the store did not do it."""
        return self.status >= _REFUSED


class Prober:
    """Tries a store out. Open it with ``async with``; what it wrote is removed at the end."""

    def __init__(
        self,
        location: Location,
        control: Control,
        cleanup: Control,
        signer: Signer,
        *,
        now: Callable[[], datetime],
        random: Callable[[], str],
    ) -> None:
        self.location = location
        self.control = control
        self._cleanup = cleanup
        self._signer = signer
        self._now = now
        self._random = random
        self._made: list[str] = []

    @asynccontextmanager
    async def opened(self) -> AsyncIterator["Prober"]:
        """Connections; and objects of the probe, as long as the block runs."""
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as self._session:
            try:
                yield self
            finally:
                if self._made:
                    await self._cleanup.delete([self.location.name(key) for key in self._made])

    def key(self) -> str:
        """A key that nobody else has."""
        key = f"incoming/probe-{self._random()}"
        self._made.append(key)
        return key

    def url(
        self, method: str, key: str, query: Mapping[str, str], headers: Mapping[str, str]
    ) -> URL:
        """Signed as URLs for clients are."""
        path = self.location.path(key)
        signed = self._signer.presign(
            method, self.location.host, path, expires_in_s=_EXPIRES_S, now=self._now(),
            query=dict(query), signed_headers={name.lower(): text for name, text in headers.items()},
        )  # fmt: skip
        return URL(self.location.url(path, signed), encoded=True)

    async def send(
        self, method: str, url: URL | str, headers: Mapping[str, str], body: bytes | None = None
    ) -> Answer:
        """A request as a client sends it."""
        async with self._session.request(method, url, headers=dict(headers), data=body) as reply:
            await reply.read()
            return Answer(
                reply.status, {name.lower(): text for name, text in reply.headers.items()}
            )

    async def put(
        self,
        signed: Mapping[str, str],
        sent: Mapping[str, str],
        body: bytes = _BODY,
        *,
        key: str | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Answer:
        """A PUT whose URL binds the headers ``signed`` and which carries ``sent``."""
        url = self.url("PUT", key or self.key(), query or {}, signed)
        return await self.send("PUT", url, {"Content-Type": _TYPE, **sent}, body)


def _length(body: bytes = _BODY) -> dict[str, str]:
    return {"content-length": str(len(body)), "content-type": _TYPE}


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


async def find_capabilities(probe: Prober) -> dict[str, bool | str]:
    """Each by its name; ``Unavailable`` where the store cannot even keep an object."""
    return {
        "refuses_another_length": (await probe.put(_length(), {}, _BODY[:-1])).is_refused,
        "refuses_another_type": (
            await probe.put(_length(), {"Content-Type": "text/plain"})
        ).is_refused,
        "verifies_md5": await _verifies(probe, "content-md5", md5),
        "verifies_sha256": await _verifies(probe, "x-amz-checksum-sha256", sha256),
        "honours_if_none_match": await _honours_if_none_match(probe),
        **await _of_parts(probe),
    }


async def _verifies(probe: Prober, header: str, digest: Callable[[bytes], Any]) -> bool:
    """Whether a right checksum is taken and a wrong one refused."""
    outcomes = []
    for of in (_BODY, b"another body"):
        checksum = {header: _base64(digest(of).digest())}
        answer = await probe.put(_length() | checksum, checksum)
        outcomes.append(answer.is_refused)
    return outcomes == [False, True]


async def _honours_if_none_match(probe: Prober) -> bool:
    key, condition = probe.key(), {"if-none-match": "*"}
    first = await probe.put(_length() | condition, condition, key=key)
    second = await probe.put(_length() | condition, condition, key=key)
    return not first.is_refused and second.status == _PRECONDITION_FAILED


async def _of_parts(probe: Prober) -> dict[str, bool | str]:
    key = probe.key()
    name = probe.location.name(key)
    begun = await probe.control.call("create_multipart_upload", Key=name, ContentType=_TYPE)
    upload_id = str(begun["UploadId"])
    query = {"partNumber": "1", "uploadId": upload_id}
    sent = await probe.put({"content-length": str(len(_BODY))}, {}, key=key, query=query)
    listed = await _lists(probe, name, upload_id)
    parts = {"Parts": [{"PartNumber": 1, "ETag": sent.headers.get("etag", "")}]}
    complete = {"Key": name, "UploadId": upload_id, "MultipartUpload": parts}
    await probe.control.call("complete_multipart_upload", **complete)
    again = await _outcome(probe.control, "complete_multipart_upload", **complete)
    late = await probe.put({"content-length": str(len(_BODY))}, {}, key=key, query=query)
    return {
        "lists_unfinished_uploads": listed,
        "completes_twice": again == "ok",
        "refuses_late_parts": late.is_refused,
    }


async def _lists(probe: Prober, name: str, upload_id: str) -> bool:
    try:
        page = await probe.control.call("list_multipart_uploads", Prefix=name)
    except CimaiseError:
        return False
    return any(one["UploadId"] == upload_id for one in page.get("Uploads", ()))


async def _outcome(control: Control, operation: str, **parameters: Any) -> str:
    try:
        await control.call(operation, **parameters)
    except CimaiseError as fault:
        return fault.code
    return "ok"
