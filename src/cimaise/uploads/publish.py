"""From a session to a file: one transaction, once, however often it is asked for."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from sqlalchemy import Connection

from cimaise.access import policy as rights
from cimaise.access.policy import Principal, Visibility
from cimaise.database.engine import Database
from cimaise.errors import Forbidden, Invalid, WrongState
from cimaise.library.collection_rows import find_collection
from cimaise.library.files import find_file_of_upload
from cimaise.library.model import Collection, File, Publication
from cimaise.library.publication import publish
from cimaise.rfc.disposition import clean_filename
from cimaise.uploads import session as sessions
from cimaise.uploads.session import State, UploadSession, shown_state

MAX_TITLE: Final = 300
MAX_NOTE: Final = 20_000
MAX_SECRET: Final = 200
MAX_URL: Final = 2000
MAX_SIZE: Final = 2**53  # the greatest whole number that every JSON reader keeps exact


@dataclass(frozen=True, slots=True)
class Caption:
    """What people write beside a file."""

    title: str = ""
    note: str = ""
    visibility: Visibility | None = None
    access_code: str | None = None
    archive_password: str | None = None


@dataclass(frozen=True, slots=True)
class ExternalLink:
    """A file that is kept elsewhere: only its address is published."""

    url: str
    size: int = 0


class Publisher:
    """The publish call."""

    def __init__(
        self, database: Database, clock: Callable[[], datetime], new_id: Callable[[], str]
    ) -> None:
        self._database = database
        self._clock = clock
        self._new_id = new_id

    async def publish_upload(
        self, principal: Principal, collection: str, upload_id: str, caption: Caption
    ) -> File:
        """Make an uploaded file visible. Asked again it gives the same file and pays nothing.

        Raises:
            NotFound: No such collection or upload.
            NotSignedIn, Forbidden: No right to contribute, or somebody else's upload.
            Invalid: The upload was admitted to another collection, or a text is too long.
            WrongState: The upload is not complete, or has ended.
            Gone: Its file was deleted since.
        """
        check_caption(caption)

        def work(connection: Connection) -> File:
            found = find_collection(connection, collection, principal)
            rights.require_contribute(principal, found.facts)
            session = sessions.find(connection, upload_id)
            if session.account_id != principal.account_id and not principal.is_admin:
                raise Forbidden("This upload is somebody else's.")
            if session.collection_id != found.id:
                raise Invalid("The upload was made for another collection.", field="upload")
            if session.state is State.PUBLISHED:
                return find_file_of_upload(connection, upload_id, principal)
            return self._publish(connection, session, found, caption)

        return await self._database.write(work)

    def _publish(
        self, connection: Connection, session: UploadSession, found: Collection, caption: Caption
    ) -> File:
        if session.state is not State.UPLOADED:
            raise WrongState(f"The upload is {shown_state(session)}, not complete.")
        now = self._clock()
        made = publication_of(session, found, caption)
        file = publish(connection, made, now=now, new_id=self._new_id)
        if not sessions.advance(connection, session, State.PUBLISHED, now=now, file_id=file.id):
            raise WrongState("The upload was changed meanwhile.")
        return file

    async def publish_link(
        self, principal: Principal, collection: str, link: ExternalLink, caption: Caption
    ) -> File:
        """Publish a link to a file that is kept elsewhere. Its size and title are claims."""
        check_caption(caption)
        _check_link(link, caption)

        def work(connection: Connection) -> File:
            found = find_collection(connection, collection, principal)
            rights.require_contribute(principal, found.facts)
            made = Publication(
                collection=found,
                owner_id=principal.account_id,
                filename=clean_filename(urlsplit(link.url).path.rpartition("/")[2] or "link"),
                size=link.size,
                content_type="text/uri-list",
                external_url=link.url,
                title=caption.title,
                note=caption.note,
                visibility=caption.visibility,
                access_code=caption.access_code,
                archive_password=caption.archive_password,
            )
            return publish(connection, made, now=self._clock(), new_id=self._new_id)

        return await self._database.write(work)


def publication_of(session: UploadSession, collection: Collection, caption: Caption) -> Publication:
    """What a complete upload will be as a file."""
    assert session.size is not None
    assert session.content_type is not None
    picture = session.picture or {}
    taken_at = picture.get("taken_at")
    return Publication(
        collection=collection,
        owner_id=session.account_id,
        filename=session.filename,
        size=session.size,
        content_type=session.content_type,
        title=caption.title,
        note=caption.note,
        visibility=caption.visibility,
        access_code=caption.access_code,
        archive_password=caption.archive_password,
        upload_id=session.id,
        storage_key=session.storage_key,
        storage_etag=session.storage_etag,
        sha256=session.sha256,
        width=picture.get("width"),
        height=picture.get("height"),
        frames=picture.get("frames"),
        taken_at=datetime.fromisoformat(taken_at) if taken_at else None,
        placeholder=picture.get("placeholder"),
        created_at=session.created_at,
    )


def publishes_at_once(publish: str, door: str) -> bool:
    """Whether a complete upload is a file at once, by its collection's policy and its door."""
    return publish == "on_complete" or (publish == "by_door" and door != "direct")


def check_caption(caption: Caption) -> None:
    """``Invalid`` where a text is too long to be meant."""
    lengths = (
        ("title", caption.title, MAX_TITLE),
        ("note", caption.note, MAX_NOTE),
        ("access_code", caption.access_code or "", MAX_SECRET),
        ("archive_password", caption.archive_password or "", MAX_SECRET),
    )
    for field, text, longest in lengths:
        if len(text) > longest:
            raise Invalid(f"{field} has at most {longest} characters.", field=field)


def _check_link(link: ExternalLink, caption: Caption) -> None:
    try:
        parts = urlsplit(link.url)
        _ = parts.port
    except ValueError as fault:
        raise Invalid("external_url is not a URL.", field="external_url") from fault
    if parts.scheme not in ("http", "https") or not parts.hostname or len(link.url) > MAX_URL:
        raise Invalid("external_url is an http or https URL.", field="external_url")
    if any(character <= " " or character == "\x7f" for character in link.url):
        raise Invalid("external_url has characters that no URL has.", field="external_url")
    if not caption.title.strip():
        raise Invalid("A link needs a title.", field="title")
    if not 0 <= link.size < MAX_SIZE:
        raise Invalid("size is a number of bytes.", field="size")
