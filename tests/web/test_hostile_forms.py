"""Forms that no browser sends, to disk and to S3: each has its answer, and none leaves anything."""

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from tests.kit.application import RunningApplication, running_application
from tests.kit.backends import further
from tests.kit.bodies import content
from tests.kit.s3 import S3Server
from tests.kit.sending import make_collection
from tests.kit.served_storage import ServedStorage, bucket_of
from tests.kit.uploading import MB, zipped

ZIP = zipped(200_000)
TYPE = "multipart/form-data; boundary=XX"


def part(name: str, body: bytes, filename: str | None = None) -> bytes:
    """One part of a form."""
    file = "" if filename is None else f'; filename="{filename}"'
    head = f'--XX\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
    return head.encode() + body + b"\r\n"


@dataclass
class Sender:
    """Ann, her collection, and a look behind."""

    client: httpx2.Client
    running: RunningApplication
    storage: ServedStorage
    collection: str

    @property
    def to(self) -> bytes:
        """The field that says where to."""
        return part("collection", self.collection.encode())

    def post(self, *parts: bytes, end: bytes = b"--XX--\r\n", kind: str = TYPE) -> httpx2.Response:
        """Send a body by hand."""
        body = b"".join(parts) + end
        return self.client.post("/upload", content=body, headers={"Content-Type": kind})

    def state(self) -> tuple[set[str], int, int]:
        """What lies there, and what is counted."""
        quota = self.client.get("/api/me").json()["quota"]
        return self.storage.listing(self.running), quota["total_used"], quota["daily_files_used"]

    def files(self) -> list[str]:
        """Names of what is published."""
        found = self.client.get(f"/api/collections/{self.collection}/files").json()["files"]
        return sorted(file["filename"] for file in found)


@pytest.fixture(scope="module", params=["disk", *further("swift")])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[RunningApplication, ServedStorage]]:
    storage = ServedStorage("disk")
    if request.param != "disk":
        swift: S3Server = request.getfixturevalue("swift")
        storage = bucket_of(swift, "swift", "hostile-forms")
    with running_application(tmp_path_factory.mktemp("forms"), storage.adapt) as running:
        yield running, storage


@pytest.fixture
def sender(server: tuple[RunningApplication, ServedStorage]) -> Iterator[Sender]:
    running, storage = server
    ann = running.person(os.urandom(4).hex())
    with running.client(ann) as client:
        yield Sender(client, running, storage, make_collection(running, client))


FILE = part("file", ZIP, "a.zip")
NESTED = (
    b'--XX\r\nContent-Disposition: form-data; name="f"\r\n'
    b"Content-Type: multipart/mixed; boundary=YY\r\n\r\n--YY--\r\n"
)
BROKEN = {
    "no end": ([FILE], b"", TYPE, 400),
    "another boundary": ([FILE], b"--XX--\r\n", TYPE.replace("XX", "YY"), 400),
    "no boundary": ([FILE], b"--XX--\r\n", "multipart/form-data", 400),
    "a boundary too long": ([FILE], b"--XX--\r\n", TYPE + "X" * 300, 400),
    "no form": ([FILE], b"--XX--\r\n", "application/json", 415),
    "10,000 fields": ([part("x", b"y")] * 10_000, b"--XX--\r\n", TYPE, 413),
    "10,000 fields behind a file": ([FILE, *[part("x", b"y")] * 10_000], b"--XX--\r\n", TYPE, 413),
    "a field without an end": ([FILE, part("title", b"t" * 200_000)], b"--XX--\r\n", TYPE, 413),
    "NUL in a text": ([FILE, part("title", b"a\0b")], b"--XX--\r\n", TYPE, 400),
    "a giant head": ([FILE, part("n" * 90_000, b"")], b"--XX--\r\n", TYPE, 400),
    "a form in a form": ([FILE, NESTED], b"--XX--\r\n", TYPE, 400),
    "two collections": ([FILE, part("collection", b"inbox")], b"--XX--\r\n", TYPE, 422),
    "no file chosen": ([part("file", b"", "")], b"--XX--\r\n", TYPE, 422),
    "nothing": ([], b"", TYPE, 400),
    "an end alone": ([], b"--XX--\r\n", TYPE, 422),
}  # fmt: skip


@pytest.mark.parametrize("what", BROKEN)
def test_a_form_that_is_none_is_refused_and_leaves_nothing(sender: Sender, what: str):
    parts, end, kind, status = BROKEN[what]
    before = sender.state()
    needs_place = bool(parts)
    answer = sender.post(*([sender.to] if needs_place else []), *parts, end=end, kind=kind)
    assert answer.status_code == status, answer.text
    assert answer.json()["request_id"]
    assert sender.files() == []
    assert sender.state() == before


def test_a_form_of_another_collection_than_its_address_says_is_refused(sender: Sender):
    before = sender.state()
    body = FILE + part("collection", b"inbox") + b"--XX--\r\n"
    answer = sender.client.post(
        f"/upload?collection={sender.collection}", content=body, headers={"Content-Type": TYPE}
    )
    assert (answer.status_code, answer.json()["field"]) == (422, "collection")
    assert sender.state() == before


def test_of_repeated_fields_the_last_one_counts(sender: Sender):
    titles = part("title", b"first"), FILE, part("title", b"last")
    answer = sender.post(sender.to, sender.to, *titles)
    assert answer.status_code == 201, answer.text
    assert [file["title"] for file in answer.json()["files"]] == ["last"]


def test_files_of_the_same_name_and_under_the_names_of_scripts_all_arrive(sender: Sender):
    parts = [part(name, ZIP, "a.zip") for name in ("file", "file", "file[]", "files[]")]
    assert sender.post(sender.to, *parts).status_code == 201
    assert sender.files() == ["a.zip"] * 4


def test_a_file_of_another_field_is_read_over(sender: Sender):
    assert sender.post(sender.to, part("cover", ZIP, "b.zip"), FILE).status_code == 201
    assert sender.files() == ["a.zip"]


def test_no_file_is_made_on_the_way(sender: Sender, monkeypatch: pytest.MonkeyPatch):
    """A long form to S3 leaves this machine's disk alone; on disk it goes to its place only."""
    data = sender.running.application.settings.data.dir
    made: list[str] = []
    there = _large(data)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a temporary file")

    for maker in ("mkstemp", "TemporaryFile", "NamedTemporaryFile", "SpooledTemporaryFile"):
        monkeypatch.setattr(tempfile, maker, refuse)

    def body() -> Iterator[bytes]:
        yield sender.to
        yield b'--XX\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n'
        for number in range(24):
            yield content(MB, number)
            made.extend(os.fspath(path.relative_to(data)) for path in _large(data) - there)
        yield b"\r\n--XX--\r\n"

    answer = sender.client.post("/upload", content=body(), headers={"Content-Type": TYPE})
    assert answer.status_code == 201, answer.text
    folders = {Path(name).parts[0] for name in made}
    assert folders <= ({"objects", "tmp"} if sender.storage.name == "disk" else set())


def _large(data: Path) -> set[Path]:
    """Files of a megabyte and more."""
    large = set()
    for path in data.rglob("*"):
        try:
            if path.is_file() and path.stat().st_size >= MB and ".db" not in path.name:
                large.add(path)
        except FileNotFoundError:
            continue
    return large
