"""From signed URLs to one verified object: joined, moved out of their reach, looked at."""

from collections.abc import Mapping, Sequence
from typing import Final

from cimaise.errors import Invalid, Limit, NotFound, WrongState
from cimaise.storage.base import ObjectInfo, PartInfo, Storage
from cimaise.uploads.session import Strategy, UploadSession

_SHOWN: Final = 10


async def assemble(
    storage: Storage, session: UploadSession, claimed: Mapping[int, str] | None
) -> ObjectInfo:
    """Bring the bytes to the session's final key, where no signed URL can reach them.

    Every step may be repeated: a process that died after any of them leaves a state from which
    the same call goes on.

    Args:
        storage: Where the bytes are.
        session: Its keys and declared size.
        claimed: ETag by part number, as the client reports them, or ``None`` to take the
            storage's own list.

    Raises:
        WrongState: Nothing was sent yet, or ``part_mismatch``: parts are missing, have another
            size or another ETag. The session may go on.
        Invalid: ``parts_required``: this storage's own list cannot be trusted alone.
            ``size_mismatch``: the object is not as long as declared. The object is refused.
    """
    if session.strategy is Strategy.SINGLE:
        info = await _take_single(storage, session, claimed)
    else:
        info = await _join_parts(storage, session, claimed)
    if info.size != session.declared_size:
        limit = Limit("declared size", session.declared_size or 0, info.size)
        raise Invalid("The file is not as long as declared.", code="size_mismatch", limit=limit)
    return info


async def received_whole(storage: Storage, session: UploadSession) -> int:
    """Bytes of the whole object, wherever a client or an attempt to complete put it; 0: none."""
    attempts = (session.attempt_key(number) for number in range(session.attempt, 0, -1))
    for key in (session.incoming_key, *attempts):
        try:
            return (await storage.stat(key)).size
        except NotFound:
            continue
    return 0


async def _take_single(
    storage: Storage, session: UploadSession, claimed: Mapping[int, str] | None
) -> ObjectInfo:
    """What was sent; or, where nothing was sent since, what an attempt that died had moved.

    A client that says which ETag it was given (as part 1) gets that very version or none: some
    stores keep a body that broke off as if it were whole.
    """
    if claimed is not None:
        await _require_claimed(storage, session, claimed)
    target = session.attempt_key(session.attempt)
    older = (session.attempt_key(number) for number in range(session.attempt - 1, 0, -1))
    for source in (session.incoming_key, *older):
        try:
            return await storage.move(source, target)
        except NotFound:
            continue
    raise WrongState("Nothing has been uploaded yet.")


async def _require_claimed(
    storage: Storage, session: UploadSession, claimed: Mapping[int, str]
) -> None:
    foreign = sorted(set(claimed) - {1})
    if foreign:
        raise Invalid(f"There is no part {foreign[0]}.", field="parts")
    try:
        stored = await storage.stat(session.incoming_key)
    except NotFound:
        return  # nothing was sent, or an earlier attempt has moved what it had compared
    if claimed and stored.etag != claimed[1]:
        raise WrongState("What is stored has another ETag: send it again.", code="part_mismatch")


async def _join_parts(
    storage: Storage, session: UploadSession, claimed: Mapping[int, str] | None
) -> ObjectInfo:
    multipart, upload_id = storage.multipart, session.storage_upload_id
    assert multipart is not None
    if upload_id is None:
        raise WrongState("The upload was not begun in the storage: start a new one.")
    try:
        stored = await multipart.parts(session.incoming_key, upload_id)
    except NotFound:
        return await _joined_before(storage, session)
    if claimed is None and not (storage.is_local or session.declared_sha256):
        raise Invalid("List the parts with their ETags.", code="parts_required", field="parts")
    chosen = checked_parts(session, stored, claimed)
    try:
        info = await multipart.complete(session.incoming_key, upload_id, chosen)
    except NotFound:  # the parts were still listed while a dying attempt's move came to its end
        return await _joined_before(storage, session)
    return await _out_of_reach(storage, session, info)


async def _out_of_reach(storage: Storage, session: UploadSession, info: ObjectInfo) -> ObjectInfo:
    """Leave the object where it is if its URLs died with the upload, else move it away.

    On most storages the parts' URLs are worthless once the upload is complete. Some (Swift's S3
    face among them) go on taking parts, and the object changes with them.
    """
    assert storage.multipart is not None
    assert session.storage_upload_id is not None
    try:
        await storage.multipart.parts(session.incoming_key, session.storage_upload_id)
    except NotFound:
        return info
    target = session.attempt_key(session.attempt)
    return await storage.move(session.incoming_key, target, if_etag=info.etag)


async def _joined_before(storage: Storage, session: UploadSession) -> ObjectInfo:
    """By an attempt that died before it could say so; it may have moved the object, or not."""
    try:
        return await storage.stat(session.incoming_key)
    except NotFound:
        pass
    target = session.attempt_key(session.attempt)
    for number in range(session.attempt - 1, 0, -1):
        try:
            return await storage.move(session.attempt_key(number), target)
        except NotFound:
            continue
    raise WrongState("The storage no longer knows this upload: start a new one.")


def checked_parts(
    session: UploadSession, stored: Sequence[PartInfo], claimed: Mapping[int, str] | None
) -> list[PartInfo]:
    """Exactly the parts of the plan, ascending, each of its planned size and claimed ETag."""
    count = session.part_count or 0
    by_number = {part.part_number: part for part in stored}
    wanted = range(1, count + 1)
    if claimed is not None:
        foreign = sorted(set(claimed) - set(wanted))
        if foreign:
            raise Invalid(f"There is no part {foreign[0]}.", field="parts")
        _refuse("not listed", [number for number in wanted if number not in claimed])
    _refuse("missing", [number for number in wanted if number not in by_number])
    _refuse(
        "of another size than planned",
        [number for number in wanted if by_number[number].size != session.part_length(number)],
    )
    if claimed is not None:
        _refuse(
            "stored with another ETag",
            [number for number in wanted if by_number[number].etag != claimed[number]],
        )
    return [by_number[number] for number in wanted]


def _refuse(what: str, numbers: list[int]) -> None:
    if numbers:
        shown = ", ".join(str(number) for number in numbers[:_SHOWN])
        more = " and more" if len(numbers) > _SHOWN else ""
        raise WrongState(f"Parts {what}: {shown}{more}.", code="part_mismatch")
