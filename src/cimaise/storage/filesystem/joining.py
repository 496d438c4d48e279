"""Parts to object, without copying those that lie in their place. Everything here blocks."""

import errno
import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from cimaise.errors import NotFound
from cimaise.storage.base import ObjectInfo, PartInfo
from cimaise.storage.checks import CHUNK_BYTES, no_upload, part_mismatch, require_joinable
from cimaise.storage.filesystem.files import Layout, ObjectDraft, info_of, write_all
from cimaise.storage.filesystem.parts import DATA, Record, UploadFolder, find_upload, try_lock

_NO_KERNEL_COPY: Final = frozenset({errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.ENOTSUP})


def join(layout: Layout, key: str, upload_id: str, parts: Sequence[PartInfo]) -> ObjectInfo:
    """See :meth:`cimaise.storage.base.Multipart.complete`."""
    size = require_joinable(parts)
    try:
        folder = find_upload(layout, key, upload_id)
        with _alone(folder):
            info = None if folder.is_joined() else _join(layout, folder, key, parts)
            layout.drop_folder(folder.path)
    except NotFound:
        info = None
    return info or _joined_before(layout, key, size)


def _joined_before(layout: Layout, key: str, size: int) -> ObjectInfo:
    try:
        info = layout.facts(key)
    except NotFound:
        raise no_upload() from None
    if info.size != size:
        raise no_upload()
    return info


@contextmanager
def _alone(folder: UploadFolder) -> Iterator[None]:
    """One at a time joins an upload, in whatever process; the others wait."""
    try:
        descriptor = os.open(folder.about_file, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:  # joined or aborted just now
        raise no_upload() from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _require_stored(
    folder: UploadFolder, records: Mapping[int, Record], parts: Sequence[PartInfo]
) -> None:
    if folder.is_exact and len(parts) > 1 and parts[0].size != folder.part_size:
        raise part_mismatch("The parts are not as long as they were declared to be.")
    length = folder.data.stat().st_size
    for part in parts:
        record = records.get(part.part_number)
        if record is None or (record.size, record.etag) != (part.size, part.etag):
            raise part_mismatch(f"Part {part.part_number} is missing or another one.")
        end = (part.part_number - 1) * folder.part_size + part.size
        if record.file == DATA and part.size and end > length:
            raise part_mismatch(f"Part {part.part_number} is not whole.")


def _join(layout: Layout, folder: UploadFolder, key: str, parts: Sequence[PartInfo]) -> ObjectInfo:
    try:
        data = os.open(folder.data, os.O_RDWR | os.O_CLOEXEC)
        try:
            nobody_writes = try_lock(data, folder.data, fcntl.LOCK_EX)
            records = folder.records()  # not before: a part may have been recorded meanwhile
            _require_stored(folder, records, parts)
            used = [(part.part_number, records[part.part_number]) for part in parts]
            part_size = parts[0].size if len(parts) > 1 else folder.part_size
            if not nobody_writes or part_size != folder.part_size:
                draft = ObjectDraft(layout, key)
                return _join_copies(folder, draft, used, data, part_size)
            # What the cut at the end removes must not be recorded, should we die before it.
            folder.drop_records(set(records) - {number for number, _ in used})
            return _join_in_place(layout, folder, key, used, data)
        finally:
            os.close(data)
    except FileNotFoundError:  # aborted meanwhile
        raise no_upload() from None


def _join_in_place(
    layout: Layout, folder: UploadFolder, key: str, used: list[tuple[int, Record]], data: int
) -> ObjectInfo:
    """Rename ``data``. Parts that lie elsewhere are copied into places that no record names."""
    for number, record in used:
        if record.file != DATA:
            _copy_own(folder, number, record, data, folder.part_size)
    last, record = used[-1]
    os.ftruncate(data, (last - 1) * folder.part_size + record.size)
    layout.seal(data)
    facts = os.fstat(data)
    layout.publish(folder.data, key)
    return info_of(key, facts)


def _join_copies(
    folder: UploadFolder,
    draft: ObjectDraft,
    used: list[tuple[int, Record]],
    data: int,
    part_size: int,
) -> ObjectInfo:
    """Copy all: somebody still writes into ``data``, and must not write into the object.

    Or the parts have another size than was guessed, and lie in other places than they must.
    """
    draft.start()
    try:
        for number, record in used:
            if record.file == DATA:
                source = (number - 1) * folder.part_size
                _copy(data, source, draft.descriptor, (number - 1) * part_size, record.size)
            else:
                _copy_own(folder, number, record, draft.descriptor, part_size)
        return draft.finish()
    finally:
        draft.discard()


def _copy_own(
    folder: UploadFolder, number: int, record: Record, target: int, part_size: int
) -> None:
    try:
        source = os.open(Path(folder.path, record.file), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        if folder.is_joined():
            raise
        raise part_mismatch(f"Part {number} has just been replaced.") from None
    try:
        _copy(source, 0, target, (number - 1) * part_size, record.size)
    finally:
        os.close(source)


def _copy(source: int, source_start: int, target: int, target_start: int, length: int) -> None:
    """Copy in the kernel where it can; ``OSError`` where the source is too short."""
    done = 0
    while done < length:
        count = length - done
        try:
            copied = os.copy_file_range(
                source, target, count, source_start + done, target_start + done
            )
        except OSError as fault:
            if fault.errno not in _NO_KERNEL_COPY:
                raise
            piece = os.pread(source, min(count, CHUNK_BYTES), source_start + done)
            copied = write_all(target, [piece], target_start + done)
        if not copied:
            raise OSError(errno.EIO, "a part is shorter than its record")
        done += copied
