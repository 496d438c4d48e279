"""What a server process does when it dies, and what its client does when it is back.

Every operation is a function of an open application and of facts that earlier ones have told.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import md5
from typing import Any

from sqlalchemy import update

from cimaise.database.schema import files
from cimaise.errors import Unavailable, WrongState
from cimaise.images.codec import read_header
from cimaise.library.discarded import Freed
from cimaise.library.files import Files
from cimaise.settings import Settings
from cimaise.settings import Uploads as UploadSettings
from cimaise.storage.base import Storage
from cimaise.uploads.cleanup import Cleanup, StepWork
from cimaise.uploads.doors.direct import Intent
from cimaise.uploads.doors.form import receive_form
from cimaise.uploads.doors.raw import receive_raw
from cimaise.uploads.move_keys import KeyMover
from cimaise.uploads.publish import Caption
from cimaise.uploads.streaming import Incoming, Streams
from tests.kit.bodies import chunked
from tests.kit.tus import Tus
from tests.kit.uploading import ANN, Uploading, zipped

Facts = dict[str, Any]
Operation = Callable[[Uploading, Facts], Awaitable[None]]

SMALL = zipped(90_000)
LARGE = zipped(150_000)
S3_LARGE = zipped(5 * 1024 * 1024 + 20_000)
S3_LONG = zipped(11 * 1024 * 1024)
SESSION_TTL_S = 86_400.0
KEEP_DELETED = timedelta(days=30)
TRIES = 5
CRASH_SETTINGS = Settings(uploads=UploadSettings(part_bytes=65_536))
S3_SETTINGS = Settings(uploads=UploadSettings(part_bytes=5 * 1024 * 1024))


def large(storage: Storage) -> bytes:
    """A file of several parts: a bucket wants 5 MiB in each but the last."""
    return LARGE if storage.is_local else S3_LARGE


def streams(uploading: Uploading) -> Streams:
    """What the form and the raw door go through."""
    return Streams(uploading.stores, read_header)


def cleanup(uploading: Uploading) -> Cleanup:
    """The clean-up."""
    return cleanup_at(uploading, uploading.clock())


def cleanup_at(uploading: Uploading, now: datetime) -> Cleanup:
    """The clean-up of a process that has all leases, as of a moment."""

    async def in_turn(_name: str, work: StepWork) -> Freed:
        return await work(uploading.database, now)

    return Cleanup(
        uploading.database,
        uploading.storage,
        lambda: now,
        session_ttl_s=SESSION_TTL_S,
        keep_deleted=KEEP_DELETED,
        take_turn=in_turn,
    )


async def create(uploading: Uploading, facts: Facts) -> None:
    """Begin an upload, single or in parts."""
    body = large(uploading.storage) if facts["strategy"] == "multipart" else SMALL
    started = await uploading.direct.create(
        ANN, Intent("tools", "tool.zip", len(body), strategy=facts["strategy"])
    )
    facts["upload"] = started.session.id


async def send(uploading: Uploading, facts: Facts) -> None:
    """The signed door of this server takes the bytes; a bucket takes them from a worker."""
    session = (await uploading.direct.progress(ANN, facts["upload"])).session
    storage = uploading.storage
    if session.storage_upload_id is None:
        await storage.write(
            session.incoming_key, chunked(SMALL), content_type="application/zip", size=len(SMALL)
        )
        return
    body, multipart = large(storage), storage.multipart
    assert multipart is not None
    assert session.part_size is not None
    for number in range(1, (session.part_count or 0) + 1):
        piece = body[(number - 1) * session.part_size : number * session.part_size]
        part = await multipart.write(
            session.incoming_key, session.storage_upload_id, number, chunked(piece, 20_000),
            size=len(piece),
        )  # fmt: skip
        facts.setdefault("parts", {})[str(number)] = part.etag


async def send_again(uploading: Uploading, facts: Facts) -> None:
    """The same URLs once more, and only then the rest."""
    await send(uploading, facts)
    await send(uploading, facts)
    await complete(uploading, facts)


async def complete(uploading: Uploading, facts: Facts) -> None:
    """Join, verify, settle."""
    claimed: Mapping[int, str] | None = None
    if "parts" in facts:
        claimed = {int(number): etag for number, etag in facts["parts"].items()}
    await uploading.direct.complete(ANN, facts["upload"], claimed)


async def publish(uploading: Uploading, facts: Facts) -> None:
    """Make a file of it."""
    file = await uploading.publisher.publish_upload(ANN, "tools", facts["upload"], Caption("Tool"))
    facts["file"] = file.id


async def go_on(uploading: Uploading, facts: Facts) -> None:
    """The client is back: it completes what is there, or sends it all again; then it publishes."""
    if facts["strategy"] == "multipart" and not uploading.storage.is_local:
        body, step = large(uploading.storage), 5 * 1024 * 1024
        pieces = [body[start : start + step] for start in range(0, len(body), step)]
        facts["parts"] = {str(n): md5(piece).hexdigest() for n, piece in enumerate(pieces, 1)}
    else:
        facts.pop("parts", None)
    try:
        await patiently(complete, uploading, facts)
    except WrongState:
        await patiently(send, uploading, facts)
        await patiently(complete, uploading, facts)
    await publish(uploading, facts)


async def patiently(operation: Operation, uploading: Uploading, facts: Facts) -> None:
    """Again where a store is busy: Swift is, where the machine has other things to do."""
    for _ in range(TRIES):
        try:
            return await operation(uploading, facts)
        except Unavailable:
            continue
    return await operation(uploading, facts)


async def abort(uploading: Uploading, facts: Facts) -> None:
    """Give it up."""
    await uploading.direct.abort(ANN, facts["upload"])


async def delete(uploading: Uploading, facts: Facts) -> None:
    """Delete the published file, and free its bytes."""
    await Files(uploading.database, uploading.clock).delete(ANN, facts["file"])
    await cleanup(uploading).run()


async def stream(uploading: Uploading, facts: Facts) -> None:
    """A raw body of a length that nobody has said."""
    body = SMALL if uploading.storage.is_local else S3_LONG
    incoming = Incoming("raw", "tool.zip", "application/zip", None, "tools")
    await receive_raw(
        streams(uploading), ANN, incoming, chunked(body, 1_000_000), collection="tools"
    )


async def form(uploading: Uploading, facts: Facts) -> None:
    """A form with two files."""
    lines = []
    for name in ("one.zip", "two.zip"):
        disposition = f'form-data; name="file"; filename="{name}"'
        lines.append(f"--edge\r\nContent-Disposition: {disposition}\r\n\r\n".encode())
        lines.append(SMALL + b"\r\n")
    whole = b"".join(lines) + b"--edge--\r\n"
    await receive_form(
        streams(uploading), ANN, chunked(whole, 30_000),
        content_type="multipart/form-data; boundary=edge", collection="tools",
    )  # fmt: skip


async def tus(uploading: Uploading, facts: Facts) -> None:
    """A tus upload from its beginning to its file, in two requests."""
    body = SMALL if uploading.storage.is_local else S3_LARGE
    door = Tus(uploading)
    facts["upload"] = await door.create(len(body))
    half = len(body) // 2
    await door.send(facts["upload"], 0, body[:half])
    await door.send(facts["upload"], half, body[half:])


async def clean(uploading: Uploading, facts: Facts) -> None:
    """The clean-up, when everything unfinished is past its time."""
    now = uploading.clock() + timedelta(days=1, hours=1)
    await cleanup_at(uploading, now).run()


async def clean_late(uploading: Uploading, facts: Facts) -> None:
    """The clean-up, when no URL and no request of then can be alive any more."""
    for days in (2, 4):
        now = uploading.clock() + timedelta(days=days)
        await cleanup_at(uploading, now).run()


async def abandon_many(uploading: Uploading, facts: Facts) -> None:
    """An upload in each state that the clean-up must understand, and a deleted file."""
    for strategy in ("single", "multipart"):
        for steps in ((create,), (create, send), (create, send, complete)):
            one: Facts = {"strategy": strategy}
            for step in steps:
                await step(uploading, one)
    gone: Facts = {"strategy": "single"}
    for step in (create, send, complete, publish):
        await step(uploading, gone)
    await Files(uploading.database, uploading.clock).delete(ANN, gone["file"])


@dataclass(frozen=True)
class Story:
    """What is there before, what the process does when it dies, what the client does afterwards."""

    name: str
    facts: Mapping[str, Any]
    before: tuple[Operation, ...]
    dies_in: Operation
    afterwards: tuple[Operation, ...] = ()
    files: int = 0
    finally_: tuple[Operation, ...] = ()  # what an operator does, client or not


async def keep_old(uploading: Uploading, facts: Facts) -> None:
    """A published file whose bytes have a name of an older scheme."""
    one: Facts = {"strategy": "single"}
    for step in (create, send, complete, publish):
        await step(uploading, one)
    file = await Files(uploading.database, uploading.clock).find(ANN, one["file"])
    assert file.storage_key is not None
    assert uploading.storage.foreign is not None
    await uploading.storage.foreign.adopt(file.storage_key, "old/scheme_of-names.zip")
    await uploading.storage.delete([file.storage_key])
    await uploading.database.write(
        lambda connection: (
            connection.execute(update(files).values(storage_key="old/scheme_of-names.zip")).rowcount
        )
    )


async def move_keys(uploading: Uploading, facts: Facts) -> None:
    """Give it a key of today's."""
    mover = KeyMover(uploading.database, uploading.storage, uploading.clock, uploading.new_id)
    await mover.run()


ONE = {"strategy": "single"}
MANY = {"strategy": "multipart"}
STORIES = (
    Story("create a single upload", ONE, (), create),
    Story("create one in parts", MANY, (), create),
    Story("send a body", ONE, (create,), send, (go_on,), 1),
    Story("send parts", MANY, (create,), send, (go_on,), 1),
    Story("overwrite a body", ONE, (create,), send_again, (go_on,), 1),
    Story("overwrite parts", MANY, (create,), send_again, (go_on,), 1),
    Story("complete a single upload", ONE, (create, send), complete, (go_on,), 1),
    Story("complete one in parts", MANY, (create, send), complete, (go_on,), 1),
    Story("publish", ONE, (create, send, complete), publish, (publish,), 1),
    Story("abort a single upload", ONE, (create, send), abort, (abort,)),
    Story("abort one in parts", MANY, (create, send), abort, (abort,)),
    Story("abort a complete one", MANY, (create, send, complete), abort, (abort,)),
    Story("delete a file", ONE, (create, send, complete, publish), delete),
    Story("a raw stream", {}, (), stream),
    Story("a form with two files", {}, (), form),
    Story("a tus upload", {}, (), tus),
    Story("moving keys", {}, (keep_old,), move_keys, (move_keys,), 1, (move_keys,)),
    Story("the clean-up", {}, (abandon_many,), clean),
)
