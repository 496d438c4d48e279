"""tus 1.0.0 over HTTP, rule by rule: expiration, checksums, termination, concatenation."""

from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from cimaise.settings import Settings
from tests.kit.application import Person, RunningApplication, running_application
from tests.kit.raw_http import RawClient
from tests.kit.sending import make_collection
from tests.kit.tus import checksum_header, metadata
from tests.kit.tus_http import BYTES, DATE, VERSION, ZIP, Client, problem

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
