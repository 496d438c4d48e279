"""tus 1.0.0 over HTTP, rule by rule: creation, deferred lengths, first bytes."""

import re

import pytest

from tests.kit.application import RunningApplication
from tests.kit.raw_http import RawClient
from tests.kit.tus import metadata
from tests.kit.tus_http import BYTES, VERSION, ZIP, Client, problem

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
