"""The uploader against the whole application on a real socket."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from cimaise.access.policy import GUEST
from cimaise.cli.uploading.api import Api
from cimaise.cli.uploading.client import Outcome, Uploader, Wishes
from cimaise.cli.uploading.progress import Lines
from cimaise.cli.uploading.records import Records
from cimaise.cli.uploading.transport import Transport
from cimaise.errors import (
    CimaiseError,
    NotFound,
    NotSignedIn,
    PreconditionFailed,
    UpstreamFailed,
)
from tests.kit.bodies import content
from tests.kit.served_application import ServedApplication, served_application

MB = 1024 * 1024
SIZE = 12 * MB
SETTINGS = {
    "CIMAISE_UPLOADS_SINGLE_MAX_BYTES": "1 MB",
    "CIMAISE_UPLOADS_PART_BYTES": "5 MB",
}


@pytest.fixture(scope="module")
def module_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedApplication]:
    with served_application(tmp_path_factory.mktemp("server"), **SETTINGS) as served:
        yield served


@pytest.fixture
def server(module_server: ServedApplication) -> Iterator[ServedApplication]:
    module_server.seen.clear()
    yield module_server
    module_server.hook = None


@pytest.fixture
def big(tmp_path: Path) -> Path:
    file = tmp_path / "big.bin"
    file.write_bytes(content(SIZE))
    return file


@pytest.fixture
def small(tmp_path: Path) -> Path:
    file = tmp_path / "small.bin"
    file.write_bytes(content(100_000))
    return file


async def _no_rest(_seconds: float) -> None:
    return


@asynccontextmanager
async def uploader(
    server: ServedApplication, folder: Path, *, key: str | None = None, **wishes: Any
) -> AsyncIterator[Uploader]:
    async with aiohttp.ClientSession() as session:
        transport = Transport(session, rest=_no_rest, attempts=2)
        yield Uploader(
            Api(transport, server.url, key or server.key),
            transport,
            Records(folder / "records"),
            Lines(lambda _line: None),
            Wishes(server.url, **{"collection": "inbox", **wishes}),
        )


async def upload(server: ServedApplication, file: Path, **wishes: Any) -> Outcome:
    async with uploader(server, file.parent, **wishes) as client:
        return await client.upload(file)


def is_whole(server: ServedApplication, outcome: Outcome, file: Path) -> bool:
    """Are the published bytes those of the file?"""
    services = server.application.services
    assert outcome.file_id is not None
    file_id = outcome.file_id

    async def read() -> bytes:
        found = await services.library.files.find(GUEST, file_id)
        assert found.storage_key is not None
        async with services.storage.open(found.storage_key) as reading:
            return b"".join([chunk async for chunk in reading.chunks])

    return server.run(read()) == file.read_bytes()


def states(server: ServedApplication) -> list[str]:
    """States of Ann's uploads, oldest first."""
    services = server.application.services

    async def read() -> list[str]:
        account = await services.access.accounts.find_by_name("ann")
        found = await services.uploads.direct.list(
            account.principal, state=None, before=None, limit=100
        )
        return [session.state.value for session in reversed(found)]

    return server.run(read())


def records(file: Path) -> list[Path]:
    folder = file.parent / "records"
    return list(folder.iterdir()) if folder.exists() else []


class Puts:
    """A hook that counts requests which send bytes, and answers those chosen."""

    def __init__(self, **answers: int) -> None:
        """``first=500`` answers the first of them so; ``from_third`` the third and later."""
        self.count = 0
        self._answers = answers

    async def __call__(self, scope: Any, receive: Any) -> int | None:
        if scope["method"] != "PUT":
            return None
        self.count += 1
        status = self._answers.get("first" if self.count == 1 else "", None)
        if self.count >= 3:
            status = self._answers.get("from_third", status)
        if status is not None:
            while (await receive()).get("more_body"):
                pass
        return status


async def test_a_large_file_goes_in_parts_and_arrives_whole(server: ServedApplication, big: Path):
    outcome = await upload(server, big, title="Noise")
    assert outcome.state == "published"
    assert outcome.url == f"{server.url}/files/{outcome.file_id}"
    assert is_whole(server, outcome, big)
    assert len(server.sent("PUT /storage/")) == 3
    assert records(big) == []


async def test_a_small_file_goes_in_one_request(server: ServedApplication, small: Path):
    outcome = await upload(server, small)
    assert is_whole(server, outcome, small)
    assert len(server.sent("PUT ")) == 1


async def test_without_publishing_it_is_uploaded_only(server: ServedApplication, small: Path):
    outcome = await upload(server, small, publish=False)
    assert (outcome.state, outcome.file_id, outcome.url) == ("uploaded", None, None)
    assert server.sent("POST /api/collections") == []
    assert records(small) == []


async def test_a_checksum_is_computed_first_and_compared(server: ServedApplication, small: Path):
    outcome = await upload(server, small, checksum=True)
    assert outcome.checksum_sha256 is not None
    assert len(outcome.checksum_sha256) == 44


async def test_what_arrived_before_the_network_failed_is_not_sent_again(
    server: ServedApplication, big: Path
):
    server.hook = Puts(from_third=500)
    with pytest.raises(CimaiseError):
        await upload(server, big, parallel=1)
    assert len(records(big)) == 1
    server.hook = hook = Puts()
    outcome = await upload(server, big, parallel=1)
    assert hook.count == 1
    assert len(server.sent("POST /api/uploads/")) == 2  # fresh URLs, complete
    assert is_whole(server, outcome, big)
    assert records(big) == []


async def test_stopped_in_the_middle_the_next_run_goes_on(server: ServedApplication, big: Path):
    running: asyncio.Task[Outcome]
    loop = asyncio.get_running_loop()
    puts = 0

    async def hook(scope: Any, receive: Any) -> int | None:
        nonlocal puts
        puts += scope["method"] == "PUT"
        if puts < 3:
            return None
        loop.call_soon_threadsafe(running.cancel)
        while (await receive())["type"] != "http.disconnect":
            pass
        return 499

    server.hook = hook
    running = asyncio.create_task(upload(server, big, parallel=1))
    with pytest.raises(asyncio.CancelledError):
        await running
    server.hook = again = Puts()
    outcome = await upload(server, big, parallel=1)
    assert again.count == 1
    assert is_whole(server, outcome, big)


async def test_stopped_before_publication_nothing_is_sent_again(
    server: ServedApplication, big: Path
):
    async def hook(scope: Any, _receive: Any) -> int | None:
        return 500 if scope["path"].startswith("/api/collections/") else None

    server.hook = hook
    with pytest.raises(UpstreamFailed):
        await upload(server, big)
    server.hook = again = Puts()
    outcome = await upload(server, big)
    assert (again.count, outcome.state) == (0, "published")
    assert len(server.sent("POST /api/uploads")) == 3  # create, complete, complete again


async def test_urls_that_have_expired_are_asked_for_again(server: ServedApplication, big: Path):
    server.hook = Puts(first=403)
    outcome = await upload(server, big, parallel=1)
    assert is_whole(server, outcome, big)
    assert len([line for line in server.seen if line.endswith("/parts")]) == 1


async def test_an_expired_url_of_a_single_request_begins_a_new_upload(
    server: ServedApplication, small: Path
):
    server.hook = Puts(first=403)
    outcome = await upload(server, small)
    assert is_whole(server, outcome, small)
    assert states(server)[-2:] == ["aborted", "published"]


async def test_urls_that_are_always_refused_end_it(server: ServedApplication, big: Path):
    async def hook(scope: Any, receive: Any) -> int | None:
        return 403 if scope["method"] == "PUT" else None

    server.hook = hook
    with pytest.raises(CimaiseError):
        await upload(server, big, parallel=1)
    assert len(server.sent("PUT ")) <= 4


@pytest.mark.parametrize("how", ["written", "removed", "shortened"])
async def test_a_file_that_changes_meanwhile_is_given_up(
    server: ServedApplication, big: Path, how: str
):
    puts = 0

    async def hook(scope: Any, _receive: Any) -> int | None:
        nonlocal puts
        puts += scope["method"] == "PUT"
        if puts == 2:
            change(big, how)
        return None

    server.hook = hook
    with pytest.raises(PreconditionFailed, match="while it was being sent"):
        await upload(server, big, parallel=1)
    assert states(server)[-1] == "aborted"
    assert records(big) == []


def change(file: Path, how: str) -> None:
    if how == "removed":
        file.unlink(missing_ok=True)
    elif how == "shortened":
        os.truncate(file, 6 * MB)
    else:
        with file.open("ab") as opened:
            opened.write(b"more")


async def test_a_part_that_the_server_lost_is_sent_again(server: ServedApplication, big: Path):
    server.hook = Puts(from_third=500)
    with pytest.raises(CimaiseError):
        await upload(server, big, parallel=1)
    (record,) = records(big)
    record.write_text(record.read_text().replace('"1":"', '"1":"x'))  # as another client's part
    server.hook = again = Puts()
    outcome = await upload(server, big, parallel=1)
    assert again.count == 2
    assert is_whole(server, outcome, big)


async def test_an_upload_that_the_server_ended_begins_anew(server: ServedApplication, big: Path):
    server.hook = Puts(from_third=500)
    with pytest.raises(CimaiseError):
        await upload(server, big, parallel=1)
    server.hook = again = Puts()
    async with uploader(server, big.parent) as client:
        (record,) = records(big)
        upload_id = record.read_text().split('"upload_id":"')[1].split('"')[0]
        await client.api.abort(upload_id)
        await client.api.abort(upload_id)
        outcome = await client.upload(big)
    assert again.count == 3
    assert is_whole(server, outcome, big)


async def test_refusals_of_the_server_come_with_its_own_sentence(
    server: ServedApplication, small: Path
):
    with pytest.raises(NotFound):
        await upload(server, small, collection="nothing-like-this")
    with pytest.raises(NotSignedIn):
        await upload(server, small, key="cim_wrong")
    empty = small.with_name("empty.bin")
    empty.touch()
    with pytest.raises(CimaiseError, match="empty"):
        await upload(server, empty)
    assert records(small) == []


async def test_the_key_goes_to_the_server_only_and_never_to_signed_urls(
    server: ServedApplication, big: Path
):
    told: list[tuple[str, bool]] = []

    async def hook(scope: Any, _receive: Any) -> int | None:
        names = [name for name, _ in scope["headers"]]
        told.append((scope["path"].split("/")[1], b"authorization" in names))
        return None

    server.hook = hook
    await upload(server, big)
    assert set(told) == {("api", True), ("storage", False)}


async def test_a_part_without_an_etag_is_a_failure(server: ServedApplication, big: Path):
    async def hook(scope: Any, receive: Any) -> int | None:
        return 200 if scope["method"] == "PUT" else None

    server.hook = hook
    with pytest.raises(UpstreamFailed, match="no ETag"):
        await upload(server, big, parallel=1)
