"""A disk that takes no more, under a real server with many senders at once.

The limit is the system's own for the size of a file (RLIMIT_FSIZE): a write beyond it fails half
way, as one does where no block is left, whoever runs the tests.
"""

import base64
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from tests.kit.server_process import ServerProcess, prepare_data, server_process

MB = 1024 * 1024
SENDERS = 4
TOO_MUCH = os.urandom(MB) * 9
FITS = os.urandom(MB)
LIMITED = (
    "import os, resource, sys;"
    f"resource.setrlimit(resource.RLIMIT_FSIZE, ({8 * MB}, {8 * MB}));"
    "os.execv(sys.argv[1], sys.argv[1:])"
)
TUS = {"Tus-Resumable": "1.0.0"}
Door = Callable[[httpx2.Client, bytes], list[httpx2.Response]]


@dataclass(frozen=True)
class Full:
    """A running server whose disk takes no file beyond 8 MiB."""

    process: ServerProcess
    data_dir: Path
    key: str

    def client(self) -> httpx2.Client:
        headers = {"Authorization": f"Bearer {self.key}"}
        return httpx2.Client(base_url=self.process.url, headers=headers, timeout=60)

    def left(self) -> list[str]:
        """Files of the storage that are no object, and files that are gone but still open."""
        folders = (self.data_dir / "tmp", self.data_dir / "multipart", self.data_dir / "incoming")
        names = [str(file) for folder in folders for file in folder.rglob("*") if file.is_file()]
        gone = [name for name in self._open_files() if name.endswith("(deleted)")]
        return names + [name for name in gone if name.startswith(tuple(map(str, folders)))]

    def mapped(self) -> set[str]:
        """Files that are memory of a process."""
        lines = (Path(f"/proc/{one}/maps").read_text().splitlines() for one in self._processes())
        return {fields[5] for of_one in lines for line in of_one if len(fields := line.split()) > 5}

    def _processes(self) -> list[str]:
        """The process, and its workers where it has some."""
        pid = self.process.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [str(pid), *children]

    def _open_files(self) -> Iterator[str]:
        for one in self._processes():
            with suppress(OSError):  # it has ended
                for descriptor in Path(f"/proc/{one}/fd").iterdir():
                    with suppress(OSError):  # it was closed
                        yield str(descriptor.readlink())


@pytest.fixture(scope="module", params=[1, 2])
def full(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Full]:
    data_dir = tmp_path_factory.mktemp("full")
    texts = {"CIMAISE_SERVER_WORKERS": str(request.param)}
    key = prepare_data(data_dir, texts, "box")
    with server_process(data_dir, texts, before=[sys.executable, "-c", LIMITED]) as process:
        yield Full(process, data_dir, key)


def raw(client: httpx2.Client, body: bytes) -> list[httpx2.Response]:
    return [client.put("/api/collections/box/files/a.txt", content=body)]


def form(client: httpx2.Client, body: bytes) -> list[httpx2.Response]:
    files = {"file": ("a.txt", body)}
    return [client.post("/upload", data={"collection": "box"}, files=files)]


def tus(client: httpx2.Client, body: bytes) -> list[httpx2.Response]:
    said = ",".join(f"{key} {base64.b64encode(value).decode()}" for key, value in (("collection", b"box"), ("filename", b"a.txt")))  # fmt: skip
    made = client.post("/tus/", headers=TUS | {"Upload-Length": str(len(body)), "Upload-Metadata": said})  # fmt: skip
    where, kind = made.headers["location"], {"Content-Type": "application/offset+octet-stream"}
    sent = client.patch(where, headers=TUS | kind | {"Upload-Offset": "0"}, content=body)
    if sent.status_code == 204:
        return [sent]
    there = int(client.head(where, headers=TUS).headers["upload-offset"])
    assert there <= 8 * MB  # what is said to be there is there, and nothing beyond it
    return [sent, client.delete(where, headers=TUS)]


def parts(client: httpx2.Client, body: bytes) -> list[httpx2.Response]:
    intent = {"collection": "box", "filename": "a.txt", "size": len(body), "strategy": "multipart", "part_size": 5 * MB}  # fmt: skip
    upload = client.post("/api/uploads", json=intent).json()
    size = upload["part_size"]
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    sent = [httpx2.put(part["url"], content=piece) for part, piece in zip(upload["parts"], pieces, strict=True)]  # fmt: skip
    where = f"/api/uploads/{upload['id']}"
    if all(one.status_code == 200 for one in sent):
        return [client.post(f"{where}/complete", json={})]
    return [sent[-1], client.delete(where)]


def single(client: httpx2.Client, body: bytes) -> list[httpx2.Response]:
    intent = {"collection": "box", "filename": "a.txt", "size": len(body)}
    upload = client.post("/api/uploads", json=intent).json()
    sent = httpx2.put(upload["url"], content=body, headers=upload["headers"])
    where = f"/api/uploads/{upload['id']}"
    if sent.status_code == 200:
        return [client.post(f"{where}/complete", json={})]
    return [sent, client.delete(where)]


def test_no_process_needs_room_on_the_disk_for_its_memory(full: Full) -> None:
    """A page of a mapped file that has no block yet is a signal (SIGBUS) on a full disk."""
    with full.client() as client:
        assert client.get("/api/me").status_code == 200
    mapped = [Path(name) for name in full.mapped() if name.startswith(str(full.data_dir))]
    assert mapped
    for facts in (file.stat() for file in mapped):
        assert facts.st_blocks * 512 >= facts.st_size


def used(client: httpx2.Client) -> int:
    """Bytes that count against the account, those that are promised included."""
    quota = client.get("/api/me").json()["quota"]
    return int(quota["total_used"])


@pytest.mark.parametrize("door", [raw, form, tus, parts, single])
def test_uploads_that_fill_the_disk_are_told_so_and_leave_nothing(full: Full, door: Door) -> None:
    def send(_: int) -> list[httpx2.Response]:
        with full.client() as client:
            return door(client, TOO_MUCH)

    with full.client() as client:
        before = used(client)
    with ThreadPoolExecutor(SENDERS) as senders:
        answers = list(senders.map(send, range(SENDERS)))
    for first, *undone in answers:
        assert (first.status_code, first.headers["retry-after"]) == (503, "5"), first.text
        assert "No space" not in first.text
        assert str(full.data_dir) not in first.text
        assert [one.status_code for one in undone] in ([], [204])
    assert full.left() == []
    with full.client() as client:
        assert used(client) == before
        (done,) = door(client, FITS)
        assert done.status_code in (200, 201, 204), done.text
        assert used(client) == before + len(FITS)
    assert full.left() == []


def test_what_broke_off_before_the_disk_was_full_leaves_nothing_either(full: Full) -> None:
    def half() -> Iterator[bytes]:
        yield TOO_MUCH[: 7 * MB]
        raise EOFError

    def break_off(_: int) -> None:
        with full.client() as client, pytest.raises(EOFError):
            client.put(
                "/api/collections/box/files/a.txt", content=half(),
                headers={"content-length": str(len(TOO_MUCH))},
            )  # fmt: skip

    with ThreadPoolExecutor(SENDERS) as senders:
        list(senders.map(break_off, range(SENDERS)))
    with full.client() as client:
        while going_on(client) or full.left():
            pass  # the server is told of each end by the system, and nobody else
        assert raw(client, FITS)[0].status_code == 201


def going_on(client: httpx2.Client) -> list[str]:
    """Uploads that have neither ended nor succeeded."""
    done = {"uploaded", "published", "rejected", "aborted", "expired"}
    listed = client.get("/api/uploads").json()["uploads"]
    return [one["id"] for one in listed if one["state"] not in done]
