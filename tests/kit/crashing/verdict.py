"""What is left when everything is over: looked at without the help of what is being tested."""

from pathlib import Path

from sqlalchemy import Connection, func, select

from cimaise.database.schema import (
    discarded_objects,
    files,
    uploads,
    usage_days,
    usage_totals,
)
from cimaise.storage.base import Storage
from cimaise.uploads.session import LIVING
from tests.kit.uploading import Uploading


async def faults_of(uploading: Uploading, root: Path | None) -> list[str]:
    """Sentences about orphan bytes, rows without bytes and leaked quota; none where all is well.

    Args:
        uploading: The application's parts.
        root: Folder of a storage on disk: nothing may lie there besides objects.
    """
    stored = {
        info.key: info.size
        for prefix in ("incoming/", "objects/", "old/")
        async for info in uploading.storage.list(prefix)
    }
    needed = await uploading.database.read(_needed)
    faults = [f"orphan {key} of {stored[key]} bytes" for key in sorted(set(stored) - set(needed))]
    faults += [f"{key} has no bytes" for key in sorted(set(needed) - set(stored))]
    faults += [
        f"{key} has {stored[key]} bytes instead of {size}"
        for key, size in needed.items()
        if stored.get(key, size) != size
    ]
    faults += await _parts(uploading.storage)
    if root is not None:
        faults += [
            f"left over: {path.relative_to(root)}"
            for folder in ("tmp", "multipart")
            for path in (root / folder).iterdir()
        ]
    return faults + await uploading.database.read(_leaks)


async def _parts(storage: Storage) -> list[str]:
    assert storage.multipart is not None
    return [f"unfinished {one.key}" async for one in storage.multipart.unfinished()]


def _needed(connection: Connection) -> dict[str, int]:
    rows = connection.execute(
        select(files.c.storage_key, files.c.size).where(
            files.c.storage_key.is_not(None), files.c.deleted_at.is_(None)
        )
    )
    return {row.storage_key: row.size for row in rows}


def _leaks(connection: Connection) -> list[str]:
    faults = []
    living = select(uploads.c.id, uploads.c.state).where(
        uploads.c.state.in_([state.value for state in LIVING])
    )
    faults += [f"upload {row.id} is {row.state}" for row in connection.execute(living)]
    waiting = connection.execute(select(func.count()).select_from(discarded_objects)).scalar_one()
    if waiting:
        faults.append(f"{waiting} discarded objects wait for ever")
    held = connection.execute(
        select(func.coalesce(func.sum(files.c.size), 0)).where(
            files.c.storage_key.is_not(None), files.c.deleted_at.is_(None)
        )
    ).scalar_one()
    total = connection.execute(select(usage_totals.c.used_bytes, usage_totals.c.reserved_bytes))
    for row in total:
        if (row.used_bytes, row.reserved_bytes) != (held, 0):
            faults.append(f"total {row.used_bytes} used, {row.reserved_bytes} reserved of {held}")
    published = select(func.coalesce(func.sum(uploads.c.size), 0), func.count()).where(
        uploads.c.state == "published"
    )
    counted = connection.execute(published).one()
    for row in connection.execute(select(usage_days)):
        used = (row.used_bytes, row.used_files, row.reserved_bytes, row.reserved_files)
        if used != (*counted, 0, 0):
            faults.append(f"day {row.day}: {used} instead of {tuple(counted)}")
    return faults
