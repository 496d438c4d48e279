"""tus 1.0.0 over HTTP, rule by rule of the specification: the core."""

import pytest

from tests.kit.application import RunningApplication
from tests.kit.tus_http import BYTES, VERSION, ZIP, Client, problem

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
