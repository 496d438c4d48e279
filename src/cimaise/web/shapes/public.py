"""JSON bodies and answers: the shapes that the HTTP interface promises, and nothing else."""

import base64
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from cimaise.access.links.links import Link
from cimaise.library.arrangement import MOST_PLACED
from cimaise.library.model import Collection, File, Policy
from cimaise.storage.base import PartInfo
from cimaise.uploads.doors.direct import Completed, Progress, Started
from cimaise.uploads.quota import QuotaState
from cimaise.uploads.session import Strategy, UploadSession, shown_state
from cimaise.uploads.signed_parts import SignedPart

MAX_TITLE = 300
MAX_NOTE = 20_000
Title = Annotated[str, Meta(max_length=MAX_TITLE)]
Text = Annotated[str, Meta(max_length=MAX_NOTE)]
Name = Annotated[str, Meta(min_length=1, max_length=100)]
Visible = Literal["public", "unlisted", "private"]


class CreateUpload(Struct):
    """Body of ``POST /api/uploads``."""

    collection: str
    filename: str
    size: int
    content_type: str | None = None
    checksum_sha256: str | None = None
    strategy: Literal["single", "multipart"] | None = None
    part_size: int | None = None


class PartNumbers(Struct):
    """Body of ``POST /api/uploads/{id}/parts``."""

    part_numbers: Annotated[list[int], Meta(min_length=1, max_length=1000)]


class ClaimedPart(Struct):
    """A part as the client has it."""

    part_number: Annotated[int, Meta(ge=1, le=10_000)]
    etag: Annotated[str, Meta(min_length=1, max_length=300)]


class CompleteUpload(Struct):
    """Body of ``POST /api/uploads/{id}/complete``."""

    parts: Annotated[list[ClaimedPart], Meta(max_length=10_000)] | None = None


class PublishFile(Struct):
    """Body of ``POST /api/collections/{name}/files``: an ``upload``, or an ``external_url``."""

    upload: str | None = None
    external_url: str | None = None
    title: Text = ""
    note: Text = ""
    size: int | None = None
    visibility: Visible | None = None
    access_code: str | None = None
    archive_password: str | None = None


class ChangeFile(Struct):
    """Body of ``PATCH /api/files/{id}``."""

    title: Title | None = None
    note: Text | None = None
    visibility: Visible | None = None
    collection: Annotated[str, Meta(max_length=100)] | None = None


class CreateLink(Struct):
    """Body of ``POST /api/files/{id}/links``."""

    expires_in: float | None = None
    download: bool = False
    max_uses: int | None = None
    direct: bool = False


class CreateCollection(Struct):
    """Body of ``POST /api/collections``."""

    name: str
    title: Title = ""
    visibility: Visible = "private"
    policy: Policy = Policy()


class ChangeCollection(Struct):
    """Body of ``PATCH /api/collections/{name}``."""

    title: Title | None = None
    visibility: Visible | None = None
    policy: Policy | None = None
    cover: Annotated[str, Meta(max_length=64)] | None = None
    sort: Literal["date", "name", "taken", "placed"] | None = None


class PlaceFiles(Struct):
    """Body of ``PUT /api/collections/{name}/order``."""

    files: Annotated[list[Annotated[str, Meta(max_length=64)]], Meta(max_length=MOST_PLACED)]


class CreateAccount(Struct):
    """Body of ``POST /api/admin/accounts``."""

    name: str
    role: Literal["admin", "member"] = "member"
    daily_bytes: int | None = None
    daily_files: int | None = None
    total_bytes: int | None = None


class ChangeAccount(Struct):
    """Body of ``PATCH /api/admin/accounts/{name}``: a limit of ``null`` is the setting's again."""

    role: Literal["admin", "member"] | None = None
    disabled: bool | None = None
    daily_bytes: int | UnsetType | None = UNSET
    daily_files: int | UnsetType | None = UNSET
    total_bytes: int | UnsetType | None = UNSET


class SetMember(Struct):
    """Body of ``PUT /api/collections/{name}/members/{account}``."""

    role: Literal["viewer", "contributor", "manager"]


class CreateKey(Struct, forbid_unknown_fields=True):
    """Body of ``POST /api/keys``; a misspelt limit is refused, or the key would have none."""

    name: Name
    scopes: list[str] = msgspec.field(default_factory=list)
    expires_at: datetime | None = None


class CreateUploadToken(Struct, forbid_unknown_fields=True):
    """Body of ``POST /api/upload-tokens``; misspelt limits are refused, as in ``CreateKey``."""

    collection: str
    expires_in: float | None = None
    max_bytes: int | None = None
    max_files: int | None = None


class CreateShare(Struct, forbid_unknown_fields=True):
    """Body of ``POST /api/albums/{album}/shares``; a misspelt password is refused, not left out."""

    password: str = ""
    expires_in: float | None = None
    downloads: Literal["none", "web", "original"] = "web"
    watermark: Annotated[str, Meta(max_length=100)] | None = None
    name: Annotated[str, Meta(max_length=100)] = ""


class CompanionCreate(Struct):
    """Body of ``POST /companion/s3/multipart``, as Uppy sends it."""

    filename: str | None = None
    type: str | None = None
    metadata: dict[str, Any] | None = None


class CompanionPart(Struct):
    """A part as Uppy has it; older versions write ``etag`` beside ``ETag``."""

    PartNumber: Annotated[int, Meta(ge=1, le=10_000)]
    ETag: Annotated[str, Meta(max_length=300)] | None = None
    etag: Annotated[str, Meta(max_length=300)] | None = None


class CompanionComplete(Struct):
    """Body of ``POST /companion/s3/multipart/{id}/complete``, as Uppy sends it."""

    parts: Annotated[list[CompanionPart], Meta(max_length=10_000)]


class CleanUp(Struct):
    """Body of ``POST /api/admin/cleanup``; ``older_than`` is in seconds."""

    dry_run: bool = False
    older_than: Annotated[float, Meta(ge=0, le=1e9)] | None = None


class Login(Struct):
    """Body of ``POST /api/login``: name and password, an API key, or a one-time link's token."""

    name: str | None = None  # or the e-mail address
    password: str | None = None
    token: str | None = None
    key: str | None = None


class ChangePassword(Struct):
    """Body of ``PUT /api/me/password``."""

    new: str
    current: str = ""  # not looked at where the account has none


class ChangeMe(Struct):
    """Body of ``PATCH /api/me``."""

    email: Annotated[str, Meta(max_length=300)]  # empty: none


def time_text(moment: datetime | None) -> str | None:
    """RFC 3339 in UTC, to the second: ``2026-03-09T10:11:12Z``."""
    if moment is None:
        return None
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def checksum_text(sha256_hex: str | None) -> str | None:
    """Hex, as it is stored, to base64, as it is shown."""
    return base64.b64encode(bytes.fromhex(sha256_hex)).decode() if sha256_hex else None


def _present(facts: dict[str, Any]) -> dict[str, Any]:
    """Without what is not known."""
    return {name: value for name, value in facts.items() if value is not None}


def link_json(link: Link) -> dict[str, Any]:
    """A link, without what opens it."""
    return {
        "id": link.id,
        "account": link.account_id,
        "download": link.download,
        "max_uses": link.max_uses,
        "uses": link.uses,
        "created_at": time_text(link.created_at),
        "expires_at": time_text(link.expires_at),
    }


def session_json(session: UploadSession) -> dict[str, Any]:
    """What is always said of an upload."""
    return _present(
        {
            "id": session.id,
            "collection": session.collection_name,
            "filename": session.filename,
            "size": session.size if session.size is not None else session.declared_size,
            "content_type": session.content_type or session.declared_type,
            "state": shown_state(session),
            "strategy": session.strategy.value,
            "expires_at": time_text(session.expires_at),
            "created_at": time_text(session.created_at),
            "part_size": session.part_size,
            "part_count": session.part_count,
            "file_id": session.file_id,
            "reason": session.reason,
        }
    )


def started_json(started: Started) -> dict[str, Any]:
    """A new session with its first URLs."""
    facts = session_json(started.session)
    if started.single is not None:
        facts |= {
            "method": started.single.method,
            "url": started.single.url,
            "headers": dict(started.single.headers),
        }
    else:
        facts["parts"] = [signed_part_json(part) for part in started.parts]
    facts["urls_expire_at"] = time_text(started.session.urls_expire_at)
    return facts


def signed_part_json(part: SignedPart) -> dict[str, Any]:
    """A URL for one part."""
    return {"part_number": part.part_number, "url": part.url, "size": part.size}


def progress_json(progress: Progress) -> dict[str, Any]:
    """A session and what has arrived of it."""
    facts = session_json(progress.session)
    if progress.parts and progress.session.strategy is Strategy.MULTIPART and facts["state"] == "pending":  # fmt: skip
        facts["state"] = "uploading"
    return facts | {
        "received_bytes": progress.received_bytes,
        "uploaded_parts": [part_json(part) for part in progress.parts],
    }


def part_json(part: PartInfo) -> dict[str, Any]:
    """A part that has arrived."""
    return {"part_number": part.part_number, "size": part.size, "etag": f'"{part.etag}"'}


def completed_json(completed: Completed) -> dict[str, Any]:
    """A complete session."""
    session = completed.session
    return _present(
        {
            "id": session.id,
            "state": shown_state(session),
            "key": session.storage_key,
            "size": session.size,
            "content_type": session.content_type,
            "checksum_sha256": checksum_text(session.sha256),
            "file_id": session.file_id,
        }
    ) | {"quota": quota_json(completed.quota)}


def quota_json(quota: QuotaState) -> dict[str, Any]:
    """Limits and use; a limit of 0 is none."""
    return {
        "daily_bytes": quota.daily_bytes,
        "daily_used": quota.daily_used,
        "daily_files": quota.daily_files,
        "daily_files_used": quota.daily_files_used,
        "total_bytes": quota.total_bytes,
        "total_used": quota.total_used,
        "resets_at": time_text(quota.resets_at),
    }


def collection_json(collection: Collection) -> dict[str, Any]:
    """A collection."""
    return {
        "id": collection.id,
        "name": collection.name,
        "title": collection.title,
        "visibility": collection.visibility.value,
        "owner": collection.owner_id,
        "policy": msgspec.to_builtins(collection.policy),
        "picture_count": collection.picture_count,
        "cover": collection.cover_id,
        "sort": collection.sort or "date",
        "created_at": time_text(collection.created_at),
        "updated_at": time_text(collection.updated_at),
    }


def file_json(file: File, *, base_url: str) -> dict[str, Any]:
    """A file. What guards an external link is shown to those who may download it."""
    always = {
        "id": file.id,
        "collection": file.collection.name,
        "filename": file.filename,
        "title": file.title,
        "note": file.note,
        "size": file.size,
        "content_type": file.content_type,
        "checksum_sha256": checksum_text(file.sha256),
        "etag": f'"{file.etag}"',
        "visibility": file.shown_visibility.value,
        "owner": file.owner_id,
        "created_at": time_text(file.created_at),
        "published_at": time_text(file.published_at),
        "url": f"{base_url}/files/{file.id}",
        "original_url": f"{base_url}/images/{file.id}/original",
        "download_count": file.download_count,
    }
    if file.external_url is not None:
        always |= {"url": file.external_url, "original_url": file.external_url}
    return always | _present(
        {
            "width": file.width,
            "height": file.height,
            "frames": file.frames,
            "taken_at": time_text(file.taken_at),
            "placeholder": file.placeholder or None,
            "external_url": file.external_url,
            "access_code": file.access_code,
            "archive_password": file.archive_password,
        }
    )
