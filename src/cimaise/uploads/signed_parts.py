"""The signed URLs of a session: one for the whole, or one for each part."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from cimaise.errors import Invalid, WrongState
from cimaise.storage.base import SignedRequest, Storage
from cimaise.uploads.session import Strategy, UploadSession

MAX_URLS: Final = 1000
"""Part URLs given out by one answer."""


@dataclass(frozen=True, slots=True)
class SignedPart:
    """A URL for one part of exactly ``size`` bytes."""

    part_number: int
    url: str
    size: int


def sign_single(storage: Storage, session: UploadSession) -> SignedRequest:
    """The request that writes the whole file, good until the session's ``urls_expire_at``."""
    assert storage.presigner is not None
    assert session.declared_size is not None
    assert session.urls_expire_at is not None
    return storage.presigner.put(
        session.incoming_key,
        size=session.declared_size,
        content_type=session.declared_type or "application/octet-stream",
        expires_at=session.urls_expire_at,
        sha256=session.declared_sha256,
    )


def sign_parts(
    storage: Storage, session: UploadSession, numbers: Iterable[int]
) -> tuple[SignedPart, ...]:
    """URLs of parts, ascending; numbers behind the last part are left out."""
    presigner, upload_id = storage.presigner, session.storage_upload_id
    assert presigner is not None
    assert upload_id is not None
    assert session.urls_expire_at is not None
    last = session.part_count or 0
    sizes = {number: session.part_length(number) for number in numbers if number <= last}
    urls = presigner.parts(
        session.incoming_key, upload_id, sizes, expires_at=session.urls_expire_at
    )
    signed = zip(sizes.items(), urls, strict=True)
    return tuple(SignedPart(number, url, size) for (number, size), url in signed)


def checked_numbers(session: UploadSession, numbers: Sequence[int]) -> list[int]:
    """The part numbers that were asked for, once each, ascending.

    Raises:
        Invalid: None, too many, or one that the upload does not have.
        WrongState: The upload has no parts to write to.
    """
    count = session.part_count or (1 if session.strategy is Strategy.SINGLE else 0)
    if session.strategy is Strategy.MULTIPART and session.storage_upload_id is None:
        raise WrongState("The upload was not begun in the storage: start a new one.")
    wanted = sorted(set(numbers))
    if not 1 <= len(wanted) <= MAX_URLS:
        raise Invalid(f"Ask for 1 to {MAX_URLS} parts.", field="part_numbers")
    if wanted[0] < 1 or wanted[-1] > count:
        raise Invalid(f"Parts are 1 to {count}.", field="part_numbers")
    return wanted
