"""What stores do that they should not, played by a server that says what the test wants."""

import base64
import hashlib
import types
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import botocore.endpoint
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from cimaise.errors import (
    BrokenTransfer,
    CimaiseError,
    Invalid,
    NotFound,
    PreconditionFailed,
    Unavailable,
    WrongState,
)
from cimaise.storage.base import PartInfo
from cimaise.storage.s3 import Accounts, Credentials, S3Storage, parse_location
from cimaise.storage.s3.refusals import error_code, refusal
from tests.kit.bodies import chunked, read_all

KEY = "incoming/key-0001"
OTHER = "incoming/key-0002"
ETAG = '"0123456789abcdef0123456789abcdef"'
DATED = {"Last-Modified": "Mon, 09 Mar 2026 10:11:12 GMT", "ETag": ETAG}
PARTS = [PartInfo(1, 5, "a" * 32), PartInfo(2, 4, "b" * 32)]


def error(code: str) -> str:
    return f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>No.</Message></Error>"


@dataclass
class Asked:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass
class Store:
    """Answers by method, in order; the last answer of a method is given again."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    answers: dict[str, list[Callable[[], web.StreamResponse]]] = field(default_factory=dict)

    def says(self, method: str, *answers: Callable[[], web.StreamResponse]) -> None:
        self.answers[method] = list(answers)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.asked.append(Asked(request.method, request.path, dict(request.query), headers, body))
        answers = self.answers[request.method]
        return (answers.pop(0) if len(answers) > 1 else answers[0])()


def reply(status: int = 200, text: str = "", **headers: str) -> Callable[[], web.StreamResponse]:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda: web.Response(status=status, text=text, headers=DATED | names)


@pytest.fixture
async def store(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Store]:
    monkeypatch.setattr(botocore.endpoint, "time", types.SimpleNamespace(sleep=lambda _: None))
    played = Store()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", played.answer)
    async with TestServer(app) as server:
        played.url = f"s3://bucket?endpoint=http://127.0.0.1:{server.port}"
        yield played


def opened(url: str) -> S3Storage:
    main, cleanup = Credentials("main", "secret"), Credentials("cleanup", "secret")
    return S3Storage(
        parse_location(url), Accounts(main, main, cleanup), now=lambda: datetime.now(UTC)
    )


@pytest.fixture
async def storage(store: Store) -> AsyncIterator[S3Storage]:
    made = opened(store.url)
    yield made
    await made.close()


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (404, "NoSuchKey", NotFound),
        (404, "", NotFound),
        (404, "NoSuchUpload", NotFound),
        (404, "NoSuchBucket", Unavailable),
        (403, "AccessDenied", Unavailable),
        (403, "", Unavailable),
        (403, "SignatureDoesNotMatch", Unavailable),
        (412, "PreconditionFailed", PreconditionFailed),
        (400, "InvalidPart", WrongState),
        (400, "InvalidPartOrder", WrongState),
        (400, "EntityTooSmall", WrongState),
        (400, "BadDigest", Invalid),
        (400, "EntityTooLarge", Invalid),
        (400, "AnythingElse", Unavailable),
        (301, "PermanentRedirect", Unavailable),
        (500, "InternalError", Unavailable),
        (503, "SlowDown", Unavailable),
    ],
)
def test_every_refusal_becomes_one_of_our_errors(status, code, kind):
    assert type(refusal(status, code)) is kind


def test_a_code_is_found_in_any_xml_and_never_in_something_else():
    assert error_code(error("NoSuchKey").encode()) == "NoSuchKey"
    for body in (b"", b"<html>", b"<Code></Code>", b"<Code>" + b"x" * 200 + b"</Code>", b"\xff"):
        assert error_code(body) == ""


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (404, "NoSuchKey", NotFound),
        (404, "NoSuchBucket", Unavailable),
        (403, "AccessDenied", Unavailable),
        (503, "SlowDown", Unavailable),
        (302, "", Unavailable),
    ],
)
async def test_reading_and_writing_tell_a_missing_object_from_a_broken_store(
    storage, store, status, code, kind
):
    store.says("GET", reply(status, error(code), Location="http://127.0.0.1:1/"))
    store.says("PUT", reply(status, error(code), Location="http://127.0.0.1:1/"))
    with pytest.raises(kind):
        await read_all(storage, KEY)
    with pytest.raises(kind):
        await storage.write(KEY, chunked(b"bytes"), content_type="a/b", size=5)


async def test_a_store_that_is_away_is_unavailable(store):
    away = opened("s3://bucket?endpoint=http://127.0.0.1:1")
    calls = [
        away.check,
        lambda: away.stat(KEY),
        lambda: read_all(away, KEY),
        lambda: away.write(KEY, chunked(b"bytes"), content_type="a/b", size=5),
        lambda: away.delete([KEY]),
        lambda: away.move(KEY, OTHER),
        lambda: away.multipart.parts(KEY, "upload"),
        lambda: away.multipart.complete(KEY, "upload", PARTS),
        lambda: away.multipart.abort(KEY, "upload"),
    ]
    for call in calls:
        with pytest.raises(Unavailable):
            await call()
    await away.close()


async def test_a_missing_bucket_is_unavailable_when_checked(storage, store):
    store.says("HEAD", reply(404))
    with pytest.raises(Unavailable):
        await storage.check()


async def test_a_body_goes_out_with_its_length_and_without_extras(storage, store):
    store.says("PUT", reply())
    store.says("HEAD", reply(Content_Length="5"))
    await storage.write(KEY, chunked(b"bytes"), content_type="a/b", size=5)
    sent = store.asked[0]
    assert (sent.method, sent.path, sent.body) == ("PUT", f"/bucket/{KEY}", b"bytes")
    assert sent.headers["content-length"] == "5"
    assert sent.headers["content-type"] == "a/b"
    assert sent.headers["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD"
    extras = {name for name in sent.headers if "checksum" in name or "trailer" in name}
    assert not extras | ({"transfer-encoding", "content-encoding"} & set(sent.headers))


async def test_a_store_that_has_other_bytes_than_it_was_sent_is_not_believed(storage, store):
    store.says("PUT", reply())
    store.says("HEAD", reply(Content_Length="4"))
    with pytest.raises(Unavailable):
        await storage.write(KEY, chunked(b"bytes"), content_type="a/b", size=5)


async def test_a_store_that_ignores_the_version_is_found_out(storage, store):
    store.says("GET", reply(200, "bytes"))
    with pytest.raises(PreconditionFailed):
        async with storage.open(KEY, if_etag="f" * 32):
            pass
    assert store.asked[0].headers["if-match"] == f'"{"f" * 32}"'


async def test_a_store_that_ignores_the_range_is_found_out(storage, store):
    store.says("GET", reply(200, "all of the bytes"))
    with pytest.raises(Unavailable):
        await read_all(storage, KEY, start=4)
    assert await read_all(storage, KEY, stop=3) == b"all"


async def test_bytes_come_as_they_are_stored(storage, store):
    store.says("GET", reply(200, "not really gzip", Content_Encoding="gzip"))
    assert await read_all(storage, KEY) == b"not really gzip"
    assert "gzip" not in store.asked[0].headers.get("accept-encoding", "")


class CutOff(web.StreamResponse):
    """Says it has a hundred bytes, sends ten and hangs up."""

    async def write_eof(self, data: bytes = b"") -> None:
        await self.write(b"ten bytes!")
        assert self._req is not None
        assert self._req.transport is not None
        self._req.transport.close()


async def test_a_body_that_breaks_off_breaks_the_transfer(storage, store):
    store.says("GET", lambda: CutOff(headers=DATED | {"Content-Length": "100"}))
    with pytest.raises(BrokenTransfer):
        await read_all(storage, KEY)


DELETED = "<DeleteResult/>"


async def test_deleting_goes_out_in_thousands_with_an_md5_as_the_account_for_it(storage, store):
    store.says("POST", reply(200, DELETED))
    await storage.delete(f"incoming/many-{number:04}" for number in range(1500))
    assert [asked.body.count(b"<Key>") for asked in store.asked] == [1000, 500]
    for asked in store.asked:
        digest = base64.b64encode(hashlib.md5(asked.body).digest()).decode()
        assert asked.headers["content-md5"] == digest
        assert not [name for name in asked.headers if "checksum" in name]
        assert "Credential=cleanup/" in asked.headers["authorization"]


@pytest.mark.parametrize(
    ("status", "code"), [(501, "NotImplemented"), (400, "InvalidArgument"), (405, "")]
)
async def test_a_store_without_bulk_delete_is_asked_one_by_one(storage, store, status, code):
    store.says("POST", reply(status, error(code)))
    store.says("DELETE", reply(204))
    await storage.delete([KEY, OTHER])
    deleted = [asked.path for asked in store.asked if asked.method == "DELETE"]
    assert deleted == [f"/bucket/{KEY}", f"/bucket/{OTHER}"]


async def test_a_key_that_could_not_be_deleted_is_an_error(storage, store):
    failed = "<Error><Key>x</Key><Code>{}</Code><Message/></Error>"
    store.says("POST", reply(200, f"<DeleteResult>{failed.format('NoSuchKey')}</DeleteResult>"))
    await storage.delete([KEY])
    store.says("POST", reply(200, f"<DeleteResult>{failed.format('AccessDenied')}</DeleteResult>"))
    with pytest.raises(Unavailable):
        await storage.delete([KEY])
    store.says("POST", reply(404, error("NoSuchBucket")))
    with pytest.raises(Unavailable):
        await storage.delete([KEY])


@pytest.mark.parametrize(
    "answer",
    [
        (200, error("InternalError")),
        (404, error("NoSuchUpload")),
        (500, ""),
        (403, error("AccessDenied")),
    ],
)
async def test_an_error_of_completing_is_believed_only_after_a_look(storage, store, answer):
    store.says("POST", reply(*answer))
    store.says("HEAD", reply(Content_Length="9", ETag=f'"{"c" * 32}-2"'))
    info = await storage.multipart.complete(KEY, "upload", PARTS)
    assert (info.size, info.etag) == (9, "c" * 32 + "-2")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [((404, error("NoSuchUpload")), NotFound), ((500, error("InternalError")), Unavailable)],
)
async def test_another_object_is_not_taken_for_the_completed_one(storage, store, answer, kind):
    store.says("POST", reply(*answer))
    for there in (
        reply(404),
        reply(Content_Length="8"),
        reply(Content_Length="9", ETag=f'"{"c" * 32}-3"'),
    ):
        store.says("HEAD", there)
        with pytest.raises(kind):
            await storage.multipart.complete(KEY, "upload", PARTS)


async def test_parts_that_are_refused_are_a_mismatch_whatever_is_there(storage, store):
    store.says("POST", reply(400, error("InvalidPart")))
    with pytest.raises(WrongState):
        await storage.multipart.complete(KEY, "upload", PARTS)
    assert [asked.method for asked in store.asked] == ["POST"]


COMPLETED = "<CompleteMultipartUploadResult><ETag>x-2</ETag></CompleteMultipartUploadResult>"


async def test_a_completed_object_of_another_length_is_invalid(storage, store):
    store.says("POST", reply(200, COMPLETED))
    store.says("HEAD", reply(Content_Length="10"))
    with pytest.raises(Invalid) as caught:
        await storage.multipart.complete(KEY, "upload", PARTS)
    assert caught.value.code == "size_mismatch"


def page(numbers: range, more: bool) -> str:
    parts = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>{number:032}</ETag><Size>7</Size></Part>"
        for number in numbers
    )
    truncated = f"<IsTruncated>{str(more).lower()}</IsTruncated>"
    return f"<ListPartsResult>{truncated}{parts}</ListPartsResult>"


async def test_parts_are_read_in_pages_even_without_a_marker(storage, store):
    store.says(
        "GET", reply(200, page(range(1, 4), more=True)), reply(200, page(range(4, 6), more=False))
    )
    parts = await storage.multipart.parts(KEY, "upload")
    assert [part.part_number for part in parts] == [1, 2, 3, 4, 5]
    assert [asked.query["part-number-marker"] for asked in store.asked] == ["0", "3"]
    assert parts[0] == PartInfo(1, 7, "0" * 31 + "1")


async def test_a_store_that_says_there_is_more_for_ever_is_not_followed(storage, store):
    store.says("GET", reply(200, page(range(1, 4), more=True)))
    assert len(await storage.multipart.parts(KEY, "upload")) == 3


async def test_an_abort_that_a_part_slips_into_is_made_again(storage, store):
    store.says("DELETE", reply(204))
    store.says("GET", reply(200, page(range(1, 2), more=False)), reply(404, error("NoSuchUpload")))
    await storage.multipart.abort(KEY, "upload")
    assert [asked.method for asked in store.asked] == ["DELETE", "GET", "DELETE", "GET"]


async def test_no_error_shows_a_key_or_a_bucket(storage, store):
    store.says("GET", reply(403, error("AccessDenied")))
    with pytest.raises(CimaiseError) as caught:
        await read_all(storage, KEY)
    assert "bucket/" not in caught.value.message
    assert KEY not in caught.value.message
