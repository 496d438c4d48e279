"""A long copy leaves room for other calls, and no call lasts for longer than it may."""

import asyncio
import threading
from datetime import UTC, datetime
from typing import Any

import pytest

from cimaise.settings import Settings
from cimaise.storage.base import ObjectInfo
from cimaise.storage.s3 import CopySizes, Credentials, parse_location
from cimaise.storage.s3.control import Control
from cimaise.storage.s3.copying import copy

LIMIT_S = 20
THREADS = 8
LOCATION = parse_location("s3://bucket?region=us-east-1&endpoint=http://127.0.0.1:1")
GIB = 1024**3
SOURCE = ObjectInfo(
    "objects/long", 100 * GIB, "etag", datetime(2026, 3, 9, tzinfo=UTC), "video/mp4"
)


class Client:
    """The official client, of a store that copies for as long as it is not told to go on."""

    def __init__(self) -> None:
        self.may_end = threading.Event()
        self.begun = threading.Semaphore(0)
        self._lock = threading.Lock()
        self._running = self.most_at_once = 0

    def upload_part_copy(self, **_: Any) -> Any:
        with self._lock:
            self._running += 1
            self.most_at_once = max(self.most_at_once, self._running)
        self.begun.release()
        assert self.may_end.wait(LIMIT_S)
        with self._lock:
            self._running -= 1
        return {"CopyPartResult": {"ETag": '"part"'}}

    def head_object(self, **_: Any) -> Any:
        return {"ContentLength": 1}

    def close(self) -> None:
        pass


class Joined:
    """Uploads in parts: says of how many parts one was made."""

    parts = 0

    async def create(self, *_: Any, **__: Any) -> str:
        return "upload"

    async def complete(self, _key: str, _upload_id: str, parts: list[Any]) -> None:
        self.parts = len(parts)


@pytest.fixture
def client() -> Client:
    return Client()


@pytest.fixture
def control(client: Client) -> Any:
    made: Any = Control(
        LOCATION, Credentials("key", "secret"), threads=THREADS, note=lambda _request: None
    )
    made._client.close()
    made._client = client
    yield made
    client.may_end.set()
    made.close()


async def test_a_copy_of_a_hundred_parts_holds_up_no_other_call(client: Client, control: Any):
    joined: Any = Joined()
    copying = asyncio.create_task(
        copy(
            LOCATION,
            control,
            joined,
            source=SOURCE,
            source_name="long",
            target="objects/copy",
            sizes=CopySizes(),
        )
    )
    async with asyncio.timeout(LIMIT_S):
        for _ in range(THREADS // 2):
            await asyncio.to_thread(client.begun.acquire)
        assert await control.call("head_object", Key="other") == {"ContentLength": 1}
        client.may_end.set()
        await copying
    assert (joined.parts, client.most_at_once) == (100, THREADS // 2)


def test_what_one_call_copies_is_done_before_its_answer_is_given_up():
    assert CopySizes().single <= GIB
    assert Settings().storage.copy_single_max_bytes <= GIB
