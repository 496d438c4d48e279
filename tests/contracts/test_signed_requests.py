"""What anybody may do with a signed URL of a bucket, spoken over HTTP: that and nothing else."""

import io
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import aiohttp
import pytest
from yarl import URL

from cimaise.errors import Invalid
from cimaise.storage.base import Multipart, Presigner, SignedRequest, Storage
from tests.contracts.conftest import VERSITYGW, Backend
from tests.contracts.storage import keys, put
from tests.kit.backends import further
from tests.kit.bodies import content, read_all

pytestmark = pytest.mark.parametrize("backend", [*further("swift"), VERSITYGW], indirect=True)

KEY = "incoming/signed-0001"
OTHER = "incoming/signed-0002"
TYPE = "image/jpeg"
BODY = b"exactly these bytes"


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(minutes=5)


def long_ago() -> datetime:
    return datetime.now(UTC) - timedelta(hours=2)


@pytest.fixture
def presigner(storage: Storage) -> Presigner:
    assert storage.presigner is not None
    return storage.presigner


@pytest.fixture
def multipart(storage: Storage) -> Multipart:
    assert storage.multipart is not None
    return storage.multipart


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(skip_auto_headers=["Content-Type"]) as session:
        yield session


async def send(
    http: aiohttp.ClientSession,
    signed: SignedRequest,
    body: bytes | None = None,
    *,
    url: str | None = None,
    method: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> tuple[int, Mapping[str, str], bytes]:
    """The request as a browser sends it, or altered."""
    async with http.request(
        method or signed.method,
        URL(url or signed.url, encoded=True),
        data=None if body is None else io.BytesIO(body),
        headers=signed.headers if headers is None else headers,
    ) as reply:
        return reply.status, reply.headers, await reply.read()


def sign_put(presigner: Presigner, key: str = KEY, size: int = len(BODY)) -> SignedRequest:
    return presigner.put(key, size=size, content_type=TYPE, expires_at=soon())


class TestPut:
    async def test_it_stores_the_object_with_its_type(self, storage, presigner, http):
        status, headers, _ = await send(http, sign_put(presigner), BODY)
        assert status == 200
        info = await storage.stat(KEY)
        assert headers["ETag"].strip('"') == info.etag
        assert (info.size, info.content_type) == (len(BODY), TYPE)
        assert await read_all(storage, KEY) == BODY

    async def test_an_empty_object_can_be_sent(self, storage, presigner, http):
        assert (await send(http, sign_put(presigner, size=0), b""))[0] == 200
        assert (await storage.stat(KEY)).size == 0

    @pytest.mark.parametrize("body", [BODY[:-1], BODY + b"!", b"", b"x" * 100_000])
    async def test_a_body_of_another_length_is_refused(self, storage, presigner, http, body):
        assert (await send(http, sign_put(presigner), body))[0] in range(400, 500)
        assert await keys(storage) == []

    async def test_another_type_is_refused(self, storage, presigner, http):
        signed = sign_put(presigner)
        for headers in ({"Content-Type": "text/html"}, {}):
            assert (await send(http, signed, BODY, headers=headers))[0] in range(400, 500)
        assert await keys(storage) == []

    async def test_another_key_is_refused(self, storage, presigner, http):
        signed = sign_put(presigner)
        url = signed.url.replace(KEY, OTHER)
        assert (await send(http, signed, BODY, url=url))[0] == 403
        assert await keys(storage) == []

    async def test_a_forged_or_absent_signature_is_refused(self, storage, presigner, http):
        signed = sign_put(presigner)
        last = "0" if signed.url[-1] != "0" else "1"
        for url in (signed.url[:-1] + last, signed.url.partition("?")[0]):
            assert (await send(http, signed, BODY, url=url))[0] in range(400, 500)
        assert await keys(storage) == []

    async def test_a_longer_life_than_signed_is_refused(self, storage, presigner, http):
        signed = sign_put(presigner)
        seconds = dict(parse_qsl(urlsplit(signed.url).query))["X-Amz-Expires"]
        url = signed.url.replace(f"Expires={seconds}", "Expires=604800")
        assert (await send(http, signed, BODY, url=url))[0] == 403
        assert await keys(storage) == []

    async def test_an_expired_url_is_refused(self, storage, http, reopen: Callable[..., Storage]):
        earlier = reopen(now=long_ago).presigner
        assert earlier is not None
        expires_at = long_ago() + timedelta(hours=1)
        signed = earlier.put(KEY, size=len(BODY), content_type=TYPE, expires_at=expires_at)
        assert (await send(http, signed, BODY))[0] in range(400, 500)
        assert await keys(storage) == []

    async def test_a_url_for_reading_does_not_write_and_the_reverse(self, storage, presigner, http):
        get = presigner.get(KEY, expires_at=soon())
        assert (await send(http, get, BODY, method="PUT"))[0] == 403
        assert await keys(storage) == []
        await put(storage, KEY, BODY)
        assert (await send(http, sign_put(presigner), method="GET"))[0] == 403
        assert (await send(http, sign_put(presigner), method="DELETE"))[0] == 403
        assert await read_all(storage, KEY) == BODY

    async def test_used_again_it_does_not_touch_what_was_moved(self, storage, presigner, http):
        signed = sign_put(presigner)
        await send(http, signed, BODY)
        moved = await storage.move(KEY, OTHER)
        assert (await send(http, signed, BODY[::-1]))[0] == 200
        assert await storage.stat(OTHER) == moved
        assert await read_all(storage, OTHER) == BODY

    def test_it_lives_a_second_to_seven_days(self, presigner):
        now = datetime.now(UTC)
        for seconds in (-5, 0, 604_801 + 5):
            with pytest.raises(Invalid):
                presigner.put(
                    KEY, size=1, content_type=TYPE, expires_at=now + timedelta(seconds=seconds)
                )
        signed = presigner.put(KEY, size=1, content_type=TYPE, expires_at=now + timedelta(days=7))
        assert int(dict(parse_qsl(urlsplit(signed.url).query))["X-Amz-Expires"]) <= 604_800

    async def test_the_account_that_signs_may_be_another_one(
        self, storage, http, backend: Backend, reopen: Callable[..., Storage]
    ):
        if backend.name != "swift":
            pytest.skip("the server has one account")
        other = reopen(
            presigner_access_key_id="test:other", presigner_secret_access_key="secret"
        ).presigner
        assert other is not None
        signed = sign_put(other)
        assert "X-Amz-Credential=test%3Aother" in signed.url
        assert (await send(http, signed, BODY))[0] == 200
        assert await read_all(storage, KEY) == BODY


class TestPart:
    async def test_parts_sent_to_their_urls_become_the_object(
        self, storage, presigner, multipart, backend: Backend, http
    ):
        size = backend.part_size
        upload = await multipart.create(KEY, content_type=TYPE, part_size=size)
        one_by_one = presigner.part(KEY, upload, 2, size=3, expires_at=soon())
        [first] = presigner.parts(KEY, upload, {1: size}, expires_at=soon())
        for signed, body in (
            (one_by_one, b"end"),
            (SignedRequest(first, "PUT"), content(size)),
        ):
            status, headers, _ = await send(http, signed, body)
            assert status == 200
            assert headers["ETag"]
        parts = await multipart.parts(KEY, upload)
        info = await multipart.complete(KEY, upload, parts)
        assert (info.size, info.content_type) == (size + 3, TYPE)
        assert await read_all(storage, KEY) == content(size) + b"end"

    async def test_another_length_number_or_upload_is_refused(
        self, presigner, multipart, backend: Backend, http
    ):
        upload = await multipart.create(KEY, content_type=TYPE, part_size=backend.part_size)
        other = await multipart.create(KEY, content_type=TYPE, part_size=backend.part_size)
        signed = presigner.part(KEY, upload, 1, size=len(BODY), expires_at=soon())
        for body in (BODY[:-1], BODY + b"!", b""):
            assert (await send(http, signed, body))[0] == 403
        for url in (
            signed.url.replace("partNumber=1", "partNumber=2"),
            signed.url.replace(upload, other),
        ):
            assert (await send(http, signed, BODY, url=url))[0] == 403
        assert list(await multipart.parts(KEY, upload)) == []
        assert list(await multipart.parts(KEY, other)) == []

    async def test_a_part_of_unknown_length_may_have_any(
        self, presigner, multipart, backend: Backend, http
    ):
        upload = await multipart.create(KEY, content_type=TYPE, part_size=backend.part_size)
        signed = presigner.part(KEY, upload, 1, max_bytes=100, session_id="s", expires_at=soon())
        for body in (BODY, BODY + b"!"):
            assert (await send(http, signed, body))[0] == 200
            assert [part.size for part in await multipart.parts(KEY, upload)] == [len(body)]
        url = signed.url.replace("partNumber=1", "partNumber=2")
        assert (await send(http, signed, BODY, url=url))[0] == 403

    async def test_after_an_abort_its_url_stores_nothing(
        self, storage, presigner, multipart, backend: Backend, http
    ):
        upload = await multipart.create(KEY, content_type=TYPE, part_size=backend.part_size)
        signed = presigner.part(KEY, upload, 1, size=len(BODY), expires_at=soon())
        await multipart.abort(KEY, upload)
        assert (await send(http, signed, BODY))[0] == 404
        assert await keys(storage) == []


class TestGet:
    async def test_it_reads_with_the_name_and_type_that_were_signed(self, storage, presigner, http):
        await put(storage, KEY, BODY)
        disposition = "attachment; filename=\"a b.jpg\"; filename*=UTF-8''%E5%9B%BE.jpg"
        signed = presigner.get(
            KEY, expires_at=soon(), content_type="text/plain", content_disposition=disposition
        )
        status, headers, body = await send(http, signed)
        assert (status, body) == (200, BODY)
        assert headers["Content-Type"].partition(";")[0] == "text/plain"
        assert headers["Content-Disposition"] == disposition

    async def test_it_reads_ranges(self, storage, presigner, http):
        await put(storage, KEY, BODY)
        signed = presigner.get(KEY, expires_at=soon())
        status, headers, body = await send(http, signed, headers={"Range": "bytes=2-5"})
        assert (status, body) == (206, BODY[2:6])
        assert headers["Content-Range"] == f"bytes 2-5/{len(BODY)}"

    async def test_it_reads_no_other_key_and_not_without_a_signature(
        self, storage, presigner, http
    ):
        await put(storage, KEY, BODY)
        await put(storage, OTHER, BODY)
        signed = presigner.get(KEY, expires_at=soon())
        for url in (signed.url.replace(KEY, OTHER), signed.url.partition("?")[0]):
            assert (await send(http, signed, url=url))[0] in range(400, 500)
