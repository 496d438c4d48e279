"""A tus client that is written by hand, request by request."""

import re
from collections.abc import Iterator
from typing import Any

import httpx2

from tests.kit.tus import metadata
from tests.kit.uploading import zipped

ZIP = zipped(50_000)


BYTES = "application/offset+octet-stream"


VERSION = {"Tus-Resumable": "1.0.0"}


DATE = re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT")


class Client:
    """Speaks tus to one collection."""

    def __init__(self, client: httpx2.Client, guest: httpx2.Client, collection: str) -> None:
        self.client = client
        self.guest = guest
        self.collection = collection

    def post(self, body: bytes | None = None, /, **headers: str) -> httpx2.Response:
        """Create; header names are written with underscores."""
        told = {"Upload-Metadata": metadata(collection=self.collection, filename="tool.zip")}
        sent = VERSION | told | {name.replace("_", "-"): text for name, text in headers.items()}
        return self.client.post("/tus/", headers=sent, content=body)

    def create(self, length: int = len(ZIP), **headers: str) -> str:
        """The address of a new upload."""
        made = self.post(Upload_Length=str(length), **headers)
        assert made.status_code == 201, made.text
        return made.headers["location"]

    def partial(self, body: bytes, sent: int | None = None) -> str:
        """The address of a partial upload."""
        address = self.create(len(body), Upload_Concat="partial")
        self.patch(address, body[:sent])
        return address

    def final(self, *addresses: str, **headers: str) -> httpx2.Response:
        """An upload made of partial ones."""
        return self.post(Upload_Concat=f"final;{' '.join(addresses)}", **headers)

    def patch(
        self, address: str, body: bytes | Iterator[bytes], offset: int | str = 0, **headers: str
    ) -> httpx2.Response:
        """Send bytes, as nobody in particular."""
        sent = VERSION | {"Content-Type": BYTES, "Upload-Offset": str(offset)}
        sent |= {name.replace("_", "-"): text for name, text in headers.items()}
        return self.guest.patch(address, headers=sent, content=body)

    def head(self, address: str) -> httpx2.Response:
        return self.guest.head(address, headers=VERSION)

    def delete(self, address: str) -> httpx2.Response:
        return self.guest.delete(address, headers=VERSION)

    def offset(self, address: str) -> int:
        told = self.head(address)
        assert told.status_code == 200
        return int(told.headers["upload-offset"])

    def file_of(self, address: str) -> dict[str, Any] | None:
        """The newest file of the collection, if there is one."""
        found = self.client.get(f"/api/collections/{self.collection}/files").json()["files"]
        return found[0] if found else None

    def bytes_of(self, address: str) -> bytes | None:
        file = self.file_of(address)
        return self.client.get(file["original_url"]).content if file else None


def problem(answer: httpx2.Response, status: int) -> dict[str, Any]:
    """The one error shape, with tus' version beside it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["tus-resumable"] == "1.0.0"
    body = answer.json()
    assert body["request_id"] == answer.headers["x-request-id"]
    return body
