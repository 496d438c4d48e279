"""tus 1.0.0 over HTTP, rule by rule of the specification."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from cimaise.settings import Settings
from tests.kit.application import Person, RunningApplication, running_application
from tests.kit.raw_http import RawClient
from tests.kit.sending import make_collection
from tests.kit.tus import checksum_header, metadata
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


@pytest.fixture
def tus(server: RunningApplication, ann: Person) -> Iterator[Client]:
    with server.client(ann) as client, server.client() as guest:
        yield Client(client, guest, make_collection(server, client))


def problem(answer: httpx2.Response, status: int) -> dict[str, Any]:
    """The one error shape, with tus' version beside it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["tus-resumable"] == "1.0.0"
    body = answer.json()
    assert body["request_id"] == answer.headers["x-request-id"]
    return body


# core


def test_01_every_answer_says_the_version(tus: Client):
    address = tus.create()
    answers = [
        tus.post(Upload_Length="10"),
        tus.head(address),
        tus.patch(address, ZIP[:10]),
        tus.patch(address, b"x", 99),
        tus.patch(address, b"x", 10, Content_Type="text/plain"),
        tus.head(f"{address}x"),
        tus.delete(address),
        tus.guest.post("/tus/", headers=VERSION),
        tus.guest.get(address, headers=VERSION),
        tus.guest.put("/tus/", headers=VERSION),
    ]
    statuses = [answer.status_code for answer in answers]
    assert statuses == [201, 200, 204, 409, 415, 404, 204, 401, 405, 405]
    assert {answer.headers["tus-resumable"] for answer in answers} == {"1.0.0"}


@pytest.mark.parametrize("version", [None, "0.2.2", "2.0.0", "1.0", ""])
def test_02_another_version_is_412_with_ours_and_nothing_is_done(tus: Client, version: str | None):
    address = tus.create()
    said = {} if version is None else {"Tus-Resumable": version}
    sent = {"Upload-Offset": "0", "Content-Type": BYTES, "Upload-Length": "1"}
    for method, where in (("POST", "/tus/"), ("HEAD", address), ("PATCH", address),
                          ("DELETE", address)):  # fmt: skip
        answer = tus.client.request(method, where, headers=said | sent, content=b"x")
        assert answer.status_code == 412
        assert answer.headers["tus-version"] == "1.0.0"
        if method != "HEAD":
            assert problem(answer, 412)["code"] == "precondition_failed"
    assert tus.offset(address) == 0


@pytest.mark.parametrize("method", ["PATCH", "HEAD", "DELETE", "patch"])
def test_03_a_post_may_say_that_it_is_another_method(tus: Client, method: str):
    address = tus.create()
    sent = VERSION | {"X-HTTP-Method-Override": method, "Upload-Offset": "0", "Content-Type": BYTES}
    answer = tus.guest.post(address, headers=sent, content=ZIP[:5])
    assert answer.status_code == (200 if method == "HEAD" else 204)
    assert tus.head(address).status_code == (410 if method == "DELETE" else 200)


def test_03_an_unknown_override_is_no_method(tus: Client):
    address = tus.create()
    for headers in (VERSION, VERSION | {"X-HTTP-Method-Override": "LOCK"}):
        assert (
            problem(tus.guest.post(address, headers=headers), 405)["code"] == "method_not_allowed"
        )


@pytest.mark.parametrize("path", ["/tus", "/tus/", "/tus/anything", "/tus/token/"])
def test_04_options_tells_everything_without_a_version(
    server: RunningApplication, tus: Client, path: str
):
    answer = tus.guest.options(path, headers={"Tus-Resumable": "0.0.1"})
    assert answer.status_code == 200
    assert answer.headers["tus-version"] == "1.0.0"
    assert "tus-resumable" not in answer.headers
    assert set(answer.headers["tus-extension"].split(",")) == {
        "creation", "creation-with-upload", "creation-defer-length", "expiration", "checksum",
        "checksum-trailer", "termination", "concatenation", "concatenation-unfinished",
    }  # fmt: skip
    limit = server.application.settings.uploads.max_bytes
    assert answer.headers["tus-max-size"] == str(limit)
    assert answer.headers["tus-checksum-algorithm"] == "sha1,sha256,md5,crc32"
    assert "OPTIONS" in answer.headers["allow"]


def test_05_head_tells_offset_and_length_and_is_kept_by_nobody(tus: Client):
    address = tus.create()
    for body, offset in ((b"", 0), (ZIP[:100], 100), (ZIP[100:], len(ZIP))):
        if body:
            tus.patch(address, body, offset - len(body))
        told = tus.head(address)
        assert told.status_code == 200
        assert told.headers["upload-offset"] == str(offset)
        assert told.headers["upload-length"] == str(len(ZIP))
        assert told.headers["cache-control"] == "no-store"
        assert told.content == b""


def test_05_what_is_unknown_has_no_offset(tus: Client):
    for address in ("/tus/nothing-like-this", f"{tus.create()}x"):
        told = tus.head(address)
        assert told.status_code == 404
        assert "upload-offset" not in told.headers


@pytest.mark.parametrize("kind", [None, "", "text/plain", "application/octet-stream", "x"])
def test_06_bytes_have_a_type_of_their_own(tus: Client, kind: str | None):
    address = tus.create()
    sent = VERSION | {"Upload-Offset": "0"} | ({} if kind is None else {"Content-Type": kind})
    answer = tus.guest.patch(address, headers=sent, content=ZIP)
    assert problem(answer, 415)["code"] == "wrong_encoding"
    assert tus.offset(address) == 0
    assert tus.patch(address, ZIP, Content_Type=f"{BYTES}; x=y").status_code == 204


def test_07_another_offset_is_409_with_the_right_one(tus: Client):
    address = tus.create()
    tus.patch(address, ZIP[:100])
    for wrong in (0, 99, 101, len(ZIP)):
        answer = tus.patch(address, ZIP[:1], wrong)
        assert answer.headers["upload-offset"] == "100"
        assert problem(answer, 409)["limit"] == {
            "name": "Upload-Offset", "value": 100, "actual": wrong,
        }  # fmt: skip
    assert tus.offset(address) == 100


def test_08_success_is_204_with_the_new_offset(tus: Client):
    address = tus.create()
    for start, stop in ((0, 1), (1, 1000), (1000, 1000), (1000, len(ZIP))):
        answer = tus.patch(address, ZIP[start:stop], start)
        assert answer.status_code == 204
        assert answer.headers["upload-offset"] == str(stop)
        assert answer.content == b""
    assert tus.bytes_of(address) == ZIP


def test_09_bytes_for_nothing_we_know_are_404(tus: Client):
    assert problem(tus.patch("/tus/nothing-like-this", b"x"), 404)["code"] == "not_found"
    assert problem(tus.delete("/tus/nothing-like-this"), 404)["code"] == "not_found"


@pytest.mark.parametrize("number", ["-1", "1.5", "a", "", "9" * 19, "0x1", "1 2"])
def test_11_numbers_that_are_none_are_400(tus: Client, number: str):
    address = tus.create()
    assert problem(tus.post(Upload_Length=number), 400)["field"] == "Upload-Length"
    assert problem(tus.patch(address, b"x", number), 400)["field"] == "Upload-Offset"
    assert problem(tus.patch(address, b"x", 0, Upload_Length=number), 400)["code"] == "malformed"
    assert tus.offset(address) == 0


def test_11_a_missing_offset_is_400(tus: Client):
    sent = VERSION | {"Content-Type": BYTES}
    answer = tus.guest.patch(tus.create(), headers=sent, content=b"x")
    assert problem(answer, 400)["field"] == "Upload-Offset"


@pytest.mark.parametrize("is_chunked", [False, True])
def test_12_more_than_the_length_is_413_and_changes_nothing(tus: Client, is_chunked: bool):
    address = tus.create()
    tus.patch(address, ZIP[:100])
    body = ZIP[100:] + b"x"
    answer = tus.patch(address, iter([body[:500], body[500:]]) if is_chunked else body, 100)
    assert problem(answer, 413)["limit"]["value"] == len(ZIP)
    assert tus.offset(address) == 100
    assert tus.patch(address, ZIP[100:], 100).status_code == 204
    assert problem(tus.patch(address, b"x", len(ZIP)), 413)["code"] == "too_large"


# creation


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Upload_Defer_Length": "0"},
        {"Upload_Defer_Length": "2"},
        {"Upload_Defer_Length": "1", "Upload_Length": "10"},
    ],
)
def test_14_a_length_is_said_or_deferred(tus: Client, headers: dict[str, str]):
    assert problem(tus.post(**headers), 400)["code"] == "malformed"


def test_15_a_length_beyond_the_limit_is_413(server: RunningApplication, tus: Client):
    limit = server.application.settings.uploads.max_bytes
    body = problem(tus.post(Upload_Length=str(limit + 1)), 413)
    assert body["limit"]["value"] == limit
    assert tus.post(Upload_Length=str(limit)).status_code == 201


def test_16_the_address_is_absolute_and_nobody_can_guess_it(
    server: RunningApplication, tus: Client
):
    for path in ("/tus", "/tus/"):
        sent = VERSION | {
            "Upload-Length": "10", "Upload-Metadata": metadata(collection=tus.collection),
        }  # fmt: skip
        made = tus.client.post(path, headers=sent)
        assert made.status_code == 201
        assert re.fullmatch(
            re.escape(server.url) + r"/tus/[0-9A-Za-z]{22}", made.headers["location"]
        )


def test_17_no_bytes_are_complete_at_once_and_no_file(tus: Client):
    address = tus.create(0)
    told = tus.head(address)
    assert (told.headers["upload-offset"], told.headers["upload-length"]) == ("0", "0")
    assert tus.file_of(address) is None


@pytest.mark.parametrize(
    "text", ["filename not_base64!", "a YQ==,a Yg==", "a YQ==,,b Yg==", "x" * 20_000, "a YQ"]
)
def test_18_metadata_that_cannot_be_read_are_400(tus: Client, text: str):
    answer = tus.post(Upload_Length="10", Upload_Metadata=text)
    assert problem(answer, 400)["field"] == "Upload-Metadata"


def test_19_metadata_come_back_as_they_were_sent(tus: Client):
    sent = (
        f"{metadata(collection=tus.collection, name='Ferien.zip', caption='Häuser')}, bare,x eA=="
    )
    address = tus.create(Upload_Metadata=sent)
    assert tus.head(address).headers["upload-metadata"] == sent
    plain = tus.create(Upload_Metadata=metadata(collection=tus.collection))
    assert tus.head(plain).headers["upload-metadata"] == metadata(collection=tus.collection)
    partial = tus.client.post(
        "/tus/", headers=VERSION | {"Upload-Length": "1", "Upload-Concat": "partial"}
    )
    assert "upload-metadata" not in tus.head(partial.headers["location"]).headers


def test_20_a_name_is_cleaned_before_it_is_used(tus: Client):
    told = metadata(collection=tus.collection, filename="../../etc/päss\r\nX: y.zip")
    address = tus.create(Upload_Metadata=told)
    tus.patch(address, ZIP)
    file = tus.file_of(address)
    assert file is not None
    assert not set(file["filename"]) & set("/\\\r\n")
    original = tus.client.get(file["original_url"], params={"download": "1"})
    assert "x" not in {name.lower() for name in original.headers}
    assert original.content == ZIP


@pytest.mark.parametrize("kind", ["null", "undefined", "", " "])
def test_a_type_that_a_script_did_not_know_is_ignored(tus: Client, kind: str):
    told = metadata(collection=tus.collection, filename="a.zip", filetype=kind, relativePath="null")
    address = tus.create(Upload_Metadata=told)
    assert tus.patch(address, ZIP).status_code == 204


def test_without_a_name_one_is_made(tus: Client):
    address = tus.create(Upload_Metadata=metadata(collection=tus.collection))
    tus.patch(address, ZIP)
    file = tus.file_of(address)
    assert file is not None
    assert file["filename"].startswith("upload-")


def test_without_a_collection_nothing_begins(tus: Client):
    body = problem(tus.post(Upload_Length="1", Upload_Metadata=metadata(filename="a")), 422)
    assert body["field"] == "collection"


# deferred length


def test_22_an_unknown_length_is_told_as_such_until_it_is_known(tus: Client):
    made = tus.post(Upload_Defer_Length="1")
    address = made.headers["location"]
    told = tus.head(address)
    assert told.headers["upload-defer-length"] == "1"
    assert "upload-length" not in told.headers
    tus.patch(address, ZIP[:10])
    assert tus.patch(address, ZIP[10:20], 10, Upload_Length=str(len(ZIP))).status_code == 204
    told = tus.head(address)
    assert told.headers["upload-length"] == str(len(ZIP))
    assert "upload-defer-length" not in told.headers
    tus.patch(address, ZIP[20:], 20)
    assert tus.bytes_of(address) == ZIP


def test_23_a_length_once_known_never_changes(tus: Client):
    address = tus.post(Upload_Defer_Length="1").headers["location"]
    tus.patch(address, ZIP[:10], Upload_Length=str(len(ZIP)))
    answer = tus.patch(address, ZIP[10:], 10, Upload_Length=str(len(ZIP) + 1))
    assert problem(answer, 400)["field"] == "Upload-Length"
    assert tus.head(address).headers["upload-length"] == str(len(ZIP))
    assert "upload-defer-length" not in tus.head(tus.create()).headers


# creation with upload


def test_26_first_bytes_have_the_same_type(tus: Client):
    answer = tus.post(ZIP, Upload_Length=str(len(ZIP)), Content_Type="text/plain")
    assert problem(answer, 415)["code"] == "wrong_encoding"


def test_27_first_bytes_are_kept_and_their_offset_told(tus: Client):
    made = tus.post(ZIP[:700], Upload_Length=str(len(ZIP)), Content_Type=BYTES)
    assert made.status_code == 201
    assert made.headers["upload-offset"] == "700"
    address = made.headers["location"]
    assert tus.offset(address) == 700
    tus.patch(address, ZIP[700:], 700)
    assert tus.bytes_of(address) == ZIP


def test_27_all_bytes_may_be_first_bytes(tus: Client):
    made = tus.post(ZIP, Upload_Length=str(len(ZIP)), Content_Type=BYTES)
    assert (made.status_code, made.headers["upload-offset"]) == (201, str(len(ZIP)))
    assert tus.bytes_of(made.headers["location"]) == ZIP


def test_28_who_waits_to_be_told_to_go_on_is_told_so_or_refused_before(
    server: RunningApplication, tus: Client
):
    path = tus.create().removeprefix(server.url)
    lines = [f"Upload-Offset: {{}}\r\nContent-Type: {BYTES}\r\nContent-Length: {len(ZIP)}",
             "Tus-Resumable: 1.0.0\r\nExpect: 100-continue"]  # fmt: skip
    with RawClient(server.url) as raw:
        raw.send_head("PATCH", path, *lines, fill="5")
        assert raw.read_head().startswith("HTTP/1.1 409")
    with RawClient(server.url) as raw:
        raw.send_head("PATCH", path, *lines, fill="0")
        assert raw.read_head().startswith("HTTP/1.1 100")
        raw.send(ZIP)
        assert raw.read_head().startswith("HTTP/1.1 204")


# expiration


def test_29_until_when_it_is_kept_is_told(tus: Client):
    made = tus.post(Upload_Length=str(len(ZIP)))
    address = made.headers["location"]
    answers = [made, tus.patch(address, ZIP[:5]), tus.head(address)]
    for answer in answers:
        assert DATE.fullmatch(answer.headers["upload-expires"])
        left = parsedate_to_datetime(answer.headers["upload-expires"]) - datetime.now(UTC)
        assert 86_300 < left.total_seconds() <= 86_401
    assert "upload-expires" not in tus.patch(address, ZIP[5:], 5).headers


def test_30_past_its_time_it_is_gone(tmp_path: Path):
    def hasty(settings: Settings) -> Settings:
        return replace(settings, uploads=replace(settings.uploads, session_ttl=0.0))

    with running_application(tmp_path, hasty) as server:
        person = server.person("ann")
        with server.client(person) as client, server.client() as guest:
            tus = Client(client, guest, make_collection(server, client))
            address = tus.create()
            told = tus.head(address)
            assert told.status_code == 410
            assert "upload-offset" not in told.headers
            assert problem(tus.patch(address, ZIP), 410)["code"] == "expired"
            assert client.get("/api/me").json()["quota"]["total_used"] == 0


# checksum


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "md5", "crc32"])
def test_31_bytes_with_their_checksum_are_kept(tus: Client, algorithm: str):
    address = tus.create()
    answer = tus.patch(address, ZIP, Upload_Checksum=checksum_header(algorithm, ZIP))
    assert answer.status_code == 204
    assert tus.bytes_of(address) == ZIP


def test_32_bytes_with_another_checksum_are_460_and_discarded(tus: Client):
    address = tus.create()
    for offset in (0, 100):
        wrong = checksum_header("sha1", ZIP)
        answer = tus.patch(address, ZIP[offset : offset + 50], offset, Upload_Checksum=wrong)
        assert problem(answer, 460)["code"] == "checksum_mismatch"
        assert tus.offset(address) == offset
        tus.patch(address, ZIP[offset : offset + 100], offset)


@pytest.mark.parametrize("text", ["crc64 YWJj", "SHA1 YWJj", "sha1", "sha1 !", ""])
def test_32_a_checksum_that_cannot_be_read_is_400(tus: Client, text: str):
    address = tus.create()
    answer = tus.patch(address, ZIP, Upload_Checksum=text)
    assert problem(answer, 400)["field"] == "Upload-Checksum"
    assert tus.offset(address) == 0


def test_32_a_creation_with_another_checksum_is_460_and_leaves_nothing(tus: Client):
    before = tus.client.get("/api/me").json()["quota"]
    wrong = checksum_header("sha1", b"other")
    answer = tus.post(ZIP, Upload_Length=str(len(ZIP)), Content_Type=BYTES, Upload_Checksum=wrong)
    assert problem(answer, 460)["code"] == "checksum_mismatch"
    assert tus.client.get("/api/me").json()["quota"] == before


@pytest.mark.parametrize(
    ("checksum", "status"),
    [
        (checksum_header("sha256", ZIP), 204),
        (checksum_header("crc32", ZIP), 204),
        (checksum_header("sha1", b"other"), 460),
        ("crc64 YWJj", 400),
        (None, 400),
    ],
    ids=["sha256", "crc32", "another", "unknown", "missing"],
)
def test_33_a_checksum_may_come_behind_the_bytes(
    server: RunningApplication, tus: Client, checksum: str | None, status: int
):
    address = tus.create()
    with RawClient(server.url) as raw:
        raw.send_head(
            "PATCH", address.removeprefix(server.url), "Upload-Offset: 0", "Tus-Resumable: 1.0.0",
            f"Content-Type: {BYTES}", "Transfer-Encoding: chunked", "Trailer: Upload-Checksum",
        )  # fmt: skip
        for start in range(0, len(ZIP), 20_000):
            piece = ZIP[start : start + 20_000]
            raw.send(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        raw.wait_until_read()
        trailer = f"Upload-Checksum: {checksum}\r\n" if checksum else ""
        raw.send(f"0\r\n{trailer}\r\n".encode())
        assert raw.read_head().startswith(f"HTTP/1.1 {status}")
    assert tus.offset(address) == (len(ZIP) if status == 204 else 0)


# termination


def test_34_an_ended_upload_is_gone_and_its_quota_given_back(tus: Client):
    before = tus.client.get("/api/me").json()["quota"]
    address = tus.create()
    tus.patch(address, ZIP[:100])
    assert tus.delete(address).status_code == 204
    for answer in (tus.delete(address), tus.patch(address, ZIP[100:], 100)):
        assert problem(answer, 410)["code"] == "gone"
    assert tus.head(address).status_code == 410
    assert tus.client.get("/api/me").json()["quota"] == before


def test_34_ending_a_complete_upload_deletes_its_file_for_those_who_may(
    server: RunningApplication, tus: Client, bob: Person
):
    address = tus.create()
    tus.patch(address, ZIP)
    assert problem(tus.delete(address), 401)["code"] == "not_signed_in"
    with server.client(bob) as other:
        assert problem(other.delete(address, headers=VERSION), 403)["code"] == "forbidden"
    assert tus.bytes_of(address) == ZIP
    assert tus.client.delete(address, headers=VERSION).status_code == 204
    assert tus.file_of(address) is None


# concatenation


def test_35_a_final_upload_is_its_partial_ones_in_order(tus: Client):
    pieces = [tus.partial(ZIP[start:stop]) for start, stop in ((0, 10), (10, 999), (999, len(ZIP)))]
    made = tus.final(*pieces)
    assert made.status_code == 201
    told = tus.head(made.headers["location"])
    assert told.headers["upload-offset"] == told.headers["upload-length"] == str(len(ZIP))
    assert tus.bytes_of(made.headers["location"]) == ZIP


def test_35_a_final_upload_says_no_length(tus: Client):
    piece = tus.partial(ZIP)
    for headers in ({"Upload_Length": str(len(ZIP))}, {"Upload_Defer_Length": "1"}):
        assert problem(tus.final(piece, **headers), 400)["code"] == "malformed"
    sent = {"Upload_Concat": f"final;{piece}", "Content_Type": BYTES}
    assert problem(tus.post(ZIP, **sent), 400)["code"] == "malformed"


def test_36_a_final_upload_takes_no_bytes(tus: Client):
    address = tus.final(tus.partial(ZIP, sent=100)).headers["location"]
    assert problem(tus.patch(address, b"x", 100), 403)["code"] == "forbidden"
    assert tus.offset(address) == 100


def test_37_what_an_upload_is_to_others_is_told_as_it_was_sent(tus: Client):
    piece = tus.partial(ZIP)
    assert tus.head(piece).headers["upload-concat"] == "partial"
    final = tus.final(piece).headers["location"]
    assert tus.head(final).headers["upload-concat"] == f"final;{piece}"
    assert "upload-concat" not in tus.head(tus.create()).headers


def test_38_a_final_upload_may_come_early_and_is_done_with_its_last_piece(tus: Client):
    pieces = [tus.partial(ZIP[:500], sent=100), tus.partial(ZIP[500:], sent=0)]
    final = tus.final(*pieces).headers["location"]
    assert tus.offset(final) == 100
    tus.patch(pieces[1], ZIP[500:])
    assert tus.file_of(final) is None
    tus.patch(pieces[0], ZIP[100:500], 100)
    assert tus.offset(final) == len(ZIP)
    assert tus.bytes_of(final) == ZIP


def test_39_metadata_of_partial_uploads_are_not_inherited(tus: Client):
    told = metadata(collection=tus.collection, filename="piece.zip", mood="good")
    made = tus.post(ZIP, Upload_Length=str(len(ZIP)), Content_Type=BYTES,
                    Upload_Concat="partial", Upload_Metadata=told)  # fmt: skip
    final = tus.final(made.headers["location"]).headers["location"]
    assert tus.head(final).headers["upload-metadata"] == metadata(
        collection=tus.collection, filename="tool.zip"
    )
    file = tus.file_of(final)
    assert file is not None
    assert file["filename"] == "tool.zip"


def test_40_partial_uploads_may_be_named_by_relative_addresses(
    server: RunningApplication, tus: Client
):
    pieces = [tus.partial(ZIP[:500]), tus.partial(ZIP[500:])]
    relative = [piece.removeprefix(server.url) for piece in pieces]
    assert relative[0].startswith("/tus/")
    assert tus.final(*relative).status_code == 201


def test_40_an_address_that_is_none_is_refused(tus: Client):
    assert problem(tus.final("/tus/nothing-like-this"), 404)["code"] == "not_found"
    assert problem(tus.final("https://[::1"), 400)["code"] == "malformed"


# who may


def test_a_guest_and_a_stranger_begin_nothing(server: RunningApplication, tus: Client, bob: Person):
    told = {"Upload-Length": "1", "Upload-Metadata": metadata(collection=tus.collection)}
    answer = tus.guest.post("/tus/", headers=VERSION | told)
    assert answer.headers["www-authenticate"] == "Bearer"
    assert problem(answer, 401)["code"] == "not_signed_in"
    with server.client(bob) as other:
        answer = other.post("/tus/", headers=VERSION | told)
        assert problem(answer, 403)["code"] == "forbidden"


def test_a_sign_in_that_has_ended_does_not_end_an_upload(tus: Client):
    address = tus.create()
    stale = VERSION | {"Authorization": "Bearer cim_no-longer-valid"}
    sent = stale | {"Upload-Offset": "0", "Content-Type": BYTES}
    assert tus.guest.patch(address, headers=sent, content=ZIP[:9]).status_code == 204
    told = tus.guest.head(address, headers=stale)
    assert (told.status_code, told.headers["upload-offset"]) == (200, "9")
    assert tus.guest.delete(address, headers=stale).status_code == 204


def test_a_cookie_from_another_site_is_refused(
    server: RunningApplication, tus: Client, ann: Person
):
    address = tus.create()
    with server.client() as browser:
        signed_in = browser.post("/api/login", json={"key": ann.key})
        assert signed_in.status_code == 200, signed_in.text
        sent = VERSION | {
            "Upload-Offset": "0",
            "Content-Type": BYTES,
            "Origin": "https://evil.test",
        }
        answer = browser.patch(address, headers=sent, content=ZIP)
        assert problem(answer, 403)["code"] == "cross_site"
        assert browser.patch(
            address, headers=sent | {"Origin": server.url}, content=ZIP
        ).status_code == 204  # fmt: skip


def test_an_upload_token_begins_uploads_into_its_collection(
    server: RunningApplication, tus: Client
):
    token = tus.client.post("/api/upload-tokens", json={"collection": tus.collection})
    assert token.status_code == 201
    told = {"Upload-Length": str(len(ZIP)), "Upload-Metadata": metadata(filename="a.zip")}
    made = tus.guest.post(token.json()["tus_url"], headers=VERSION | told)
    assert made.status_code == 201, made.text
    address = made.headers["location"]
    assert tus.patch(address, ZIP).status_code == 204
    assert tus.bytes_of(address) == ZIP
    other = told | {"Upload-Metadata": metadata(collection="another")}
    answer = tus.guest.post(token.json()["tus_url"], headers=VERSION | other)
    assert problem(answer, 403)["code"] == "forbidden"
    unknown = f"{server.url}/tus/{'x' * 43}/"
    assert problem(tus.guest.post(unknown, headers=VERSION | told), 404)["code"] == "not_found"


def test_pages_of_allowed_origins_may_read_every_header(tmp_path: Path):
    origin = "https://page.test"

    def open_to(settings: Settings) -> Settings:
        return replace(settings, server=replace(settings.server, allowed_origins=(origin,)))

    with running_application(tmp_path, open_to) as server:
        with server.client() as guest:
            for path in ("/tus/", "/tus/x"):
                preflight = guest.options(
                    path, headers={"Origin": origin, "Access-Control-Request-Method": "PATCH"}
                )
                assert preflight.status_code == 200
                assert preflight.headers["access-control-allow-origin"] == origin
                allowed = preflight.headers["access-control-allow-methods"]
                assert ("PATCH" in allowed) == (path != "/tus/")
                assert "upload-offset" in preflight.headers["access-control-allow-headers"]
            answer = guest.head("/tus/x", headers=VERSION | {"Origin": origin})
            assert "Upload-Offset" in answer.headers["access-control-expose-headers"]
            assert "access-control-allow-origin" not in guest.options("/tus/").headers
