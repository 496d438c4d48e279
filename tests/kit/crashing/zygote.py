"""A process that forks one child a job: the child does an operation and dies at a chosen point.

Run as a program. A job is a line of JSON on standard input, its outcome a line on standard output.
Forking costs milliseconds where starting Python costs a second; this process has no threads, so
a child is as good as a new one.
"""

import asyncio
import json
import os
import sys
import traceback
from datetime import datetime
from pathlib import Path
from typing import Any

import boto3

from cimaise.database.engine import open_database
from cimaise.settings import StorageSettings
from cimaise.storage.base import Storage
from tests.kit.crashing import operations
from tests.kit.crashing.countdown import Countdown
from tests.kit.crashing.operations import CRASH_SETTINGS, S3_SETTINGS, STORIES
from tests.kit.uploading import Uploading, made_storage

_opened: dict[str, Storage] = {}
_told = os.fdopen(os.dup(1), "w")


def new_id() -> str:
    """Unlike any other, in any process."""
    return os.urandom(16).hex()


def _storage(job: dict[str, Any], now: datetime) -> Storage:
    """Made before forking where making it is slow; no connection is open, no thread runs."""
    settings = StorageSettings(**job["storage"])
    if not settings.url.startswith("s3:"):
        return made_storage(settings, Path(job["folder"]), lambda: now)
    if settings.url not in _opened:
        _opened[settings.url] = made_storage(settings, Path(job["folder"]), _real_now)
    return _opened[settings.url]


def _real_now() -> datetime:
    return datetime.now().astimezone()


def _child(job: dict[str, Any], storage: Storage, now: datetime, told: int) -> None:
    story = next(one for one in STORIES if one.name == job["story"])
    countdown = Countdown(job["kill_at"], is_after=job["is_after"], delay_s=job["delay_s"])
    database = open_database(job["database"], data_dir=Path(job["folder"]))
    settings = CRASH_SETTINGS if storage.is_local else S3_SETTINGS
    uploading = Uploading(database, storage, lambda: now, new_id, settings)

    async def main() -> None:
        asyncio.get_running_loop().set_task_factory(countdown.factory)
        await asyncio.create_task(story.dies_in(uploading, job["facts"]))  # type: ignore[arg-type]

    try:
        asyncio.run(main())
        outcome = {"points": countdown.points, "facts": job["facts"]}
    except BaseException:
        outcome = {"fault": traceback.format_exc()}
    os.write(told, json.dumps(outcome).encode())
    os._exit(0)


def _run(job: dict[str, Any]) -> dict[str, Any]:
    now = datetime.fromisoformat(job["now"])
    storage = _storage(job, now)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _child(job, storage, now, writer)
    os.close(writer)
    with os.fdopen(reader, "rb") as told:
        said = told.read()
    _, status = os.waitpid(child, 0)
    if said:
        return dict(json.loads(said))
    return {"signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else -1}


def main() -> None:
    """Jobs until the input ends."""
    assert boto3
    assert operations
    for line in sys.stdin:
        print(json.dumps(_run(json.loads(line))), file=_told, flush=True)


if __name__ == "__main__":
    main()
