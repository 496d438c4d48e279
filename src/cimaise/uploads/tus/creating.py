"""A tus upload begins: admitted, reserved, recorded, and only then begun in the storage."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import Connection

from cimaise.access.policy import Principal, require_account
from cimaise.errors import CimaiseError, Forbidden, Invalid, Limit, Malformed, TooLarge
from cimaise.library.collection_rows import find_collection
from cimaise.library.model import Collection
from cimaise.rfc.tus import parse_metadata
from cimaise.storage.keys import object_key
from cimaise.uploads import quota
from cimaise.uploads import session as sessions
from cimaise.uploads.discard import end_and_remove
from cimaise.uploads.gate import UNDECLARED, Admission, admit
from cimaise.uploads.plan import MAX_PARTS
from cimaise.uploads.session import ENDED, State, Strategy, UploadSession
from cimaise.uploads.stores import Stores
from cimaise.uploads.tus import rows
from cimaise.uploads.tus.rows import DOOR, TusUpload

MOST_PART_BYTES: Final = 64 * 1024 * 1024
"""A request holds one part in memory: larger ones are not made."""

_MB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Creation:
    """What a client wants to send.

    Attributes:
        length: Bytes; ``None`` where it is deferred, and for a final upload.
        metadata: ``Upload-Metadata`` as sent.
        concat: ``Upload-Concat`` as sent.
        pieces: Ids of the partial uploads of a final one, in order.
        collection: The only one that it may go to, where that is not the metadata's to say.
    """

    length: int | None = None
    metadata: str | None = None
    concat: str | None = None
    pieces: tuple[str, ...] = ()
    collection: str | None = None


def most_bytes(stores: Stores) -> int:
    """Longest upload: the setting, or what the storage can take in parts."""
    largest = stores.settings.uploads.max_bytes
    if stores.storage.appends is not None:
        return largest
    return min(largest, MOST_PART_BYTES * MAX_PARTS)


class Creator:
    """Begins uploads."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores

    async def create(self, principal: Principal, creation: Creation) -> TusUpload:
        """Begin an upload, to which nothing has been sent yet.

        Raises:
            NotSignedIn, Forbidden, NotFound, Invalid, TypeNotAllowed, TooLarge: See the gate.
            Malformed: The metadata cannot be read, or a partial upload is none.
        """
        require_account(principal)
        facts = _Facts(parse_metadata(creation.metadata or ""))
        upload_id = self._stores.new_id()
        name = _collection_name(creation, facts)

        def work(connection: Connection) -> TusUpload:
            """All in one, so that a client waits for one thread and for no lock twice."""
            collection = find_collection(connection, name, principal) if name else None
            meant = _with_length(connection, principal, creation)
            admission = self._admit(principal, collection, meant.length, facts, upload_id)
            upload = self._upload(principal, collection, meant, admission, upload_id)
            self._record(connection, principal, upload, meant.pieces)
            return upload

        return await self._begin(await self._stores.database.write(work))

    def _admit(
        self,
        principal: Principal,
        collection: Collection | None,
        length: int | None,
        facts: "_Facts",
        upload_id: str,
    ) -> Admission:
        settings = self._stores.settings.uploads
        filename = facts.filename or f"upload-{upload_id[:8]}"
        if collection is None:
            admission = Admission(filename, UNDECLARED, settings.max_bytes)
        else:
            admission = admit(
                principal,
                collection,
                filename=filename,
                size=length or None,  # without bytes it becomes no file: nothing to refuse
                declared_type=facts.type,
                settings=settings,
            )
        max_bytes = min(admission.max_bytes, most_bytes(self._stores))
        if length is not None:
            require_length(length, max_bytes)
        return replace(admission, max_bytes=max_bytes)

    def _upload(
        self,
        principal: Principal,
        collection: Collection | None,
        creation: Creation,
        admission: Admission,
        upload_id: str,
    ) -> TusUpload:
        now = self._stores.clock()
        key = object_key(self._stores.new_id)
        session = UploadSession(
            id=upload_id, account_id=principal.account_id,
            collection_id=collection.id if collection else None,
            collection_name=collection.name if collection else None, door=DOOR,
            strategy=Strategy.STREAM, state=State.PENDING, filename=admission.filename,
            declared_size=creation.length, declared_type=admission.media_type,
            part_size=self._part_size(creation.length),
            incoming_key=key, storage_key=key,
            reserved_bytes=creation.length or 0, reserved_on=quota.day_of(now),
            created_at=now, updated_at=now, expires_at=self._stores.expiry(),
            token_id=principal.token_id,
        )  # fmt: skip
        max_bytes = admission.max_bytes
        if creation.length is None and self._stores.storage.appends is None:
            max_bytes = min(max_bytes, self._stores.part_bytes * MAX_PARTS)
        return TusUpload(session, creation.metadata, creation.concat, max_bytes)

    def _part_size(self, length: int | None) -> int:
        """Large enough for 10,000 parts; whole megabytes where it has to grow."""
        needed = -(-(length or 0) // MAX_PARTS)
        least = self._stores.part_bytes
        return least if needed <= least else -(-needed // _MB) * _MB

    def _record(
        self,
        connection: Connection,
        principal: Principal,
        upload: TusUpload,
        pieces: Sequence[str],
    ) -> None:
        """A final upload takes over what its partial ones have reserved or used."""
        for piece in {piece.id: piece for piece in _pieces(connection, principal, pieces)}.values():
            _give_back(connection, piece.session)
        quota.reserve(
            connection,
            principal.account_id,
            size=upload.session.reserved_bytes,
            now=upload.session.created_at,
            defaults=self._stores.settings.quota,
            token_id=upload.session.token_id,
        )
        rows.add(connection, upload, pieces)

    async def _begin(self, upload: TusUpload) -> TusUpload:
        """Begin in the storage, after the row that the clean-up would find it by."""
        session, multipart = upload.session, self._stores.storage.multipart
        if upload.is_final or upload.length == 0:
            return upload
        assert multipart is not None
        assert session.part_size is not None
        try:
            upload_id = await multipart.create(
                session.storage_key,
                content_type=session.declared_type or UNDECLARED,
                part_size=session.part_size,
            )
        except CimaiseError:
            await self.drop(upload, "the storage refused to begin", is_ours=True)
            raise
        begun = replace(session, storage_upload_id=upload_id)
        await self._stores.database.write(
            lambda connection: sessions.note(connection, session, storage_upload_id=upload_id)
        )
        return replace(upload, session=begun)

    async def drop(self, upload: TusUpload, reason: str, *, is_ours: bool = False) -> None:
        """End an upload that nobody knows the address of."""
        await end_and_remove(
            self._stores.database,
            self._stores.storage,
            upload.session,
            State.ABORTED,
            now=self._stores.clock(),
            reason=reason,
            is_ours=is_ours,
        )


class _Facts:
    """What we understand of the metadata; everything else is only kept."""

    def __init__(self, metadata: Mapping[str, bytes]) -> None:
        self._metadata = metadata

    def text(self, *keys: str) -> str:
        """The first of these that is there and says something; ``""`` otherwise."""
        for key in keys:
            text = self._metadata.get(key, b"").decode("utf-8", "replace").strip()
            if text:
                return text
        return ""

    @property
    def filename(self) -> str:
        return self.text("filename", "name")

    @property
    def type(self) -> str:
        return self.text("filetype", "type")


def _collection_name(creation: Creation, facts: _Facts) -> str | None:
    if creation.concat == "partial":
        return None  # a piece is no file: the final upload says where it goes
    named = facts.text("collection")
    name = creation.collection or named
    if named and named != name:
        raise Forbidden("This upload address is for another collection.")
    if not name:
        raise Invalid("Say in Upload-Metadata which collection it is for.", field="collection")
    return name


def _with_length(connection: Connection, principal: Principal, creation: Creation) -> Creation:
    """A final upload is as long as its partial ones together."""
    if not creation.pieces:
        return creation
    pieces = _pieces(connection, principal, creation.pieces)
    return replace(creation, length=sum(piece.length or 0 for piece in pieces))


def require_length(length: int, max_bytes: int) -> None:
    """``TooLarge`` beyond the limit."""
    if length > max_bytes:
        limit = Limit("Tus-Max-Size", max_bytes, length)
        raise TooLarge("The file is too large.", limit=limit)


def _pieces(connection: Connection, principal: Principal, ids: Sequence[str]) -> list[TusUpload]:
    """The partial uploads of a final one; each must be one, of the same account, and living."""
    found = {piece: _piece(connection, principal, piece) for piece in dict.fromkeys(ids)}
    return [found[piece] for piece in ids]


def _piece(connection: Connection, principal: Principal, piece_id: str) -> TusUpload:
    piece = rows.find(connection, piece_id)
    session = piece.session
    if (session.account_id, session.token_id) != (principal.account_id, principal.token_id):
        raise Forbidden("A partial upload is somebody else's.")
    if not piece.is_partial or session.state in ENDED or piece.length is None:
        raise Malformed("Something in Upload-Concat cannot be concatenated.", field="Upload-Concat")
    return piece


def _give_back(connection: Connection, session: UploadSession) -> None:
    """What a piece has reserved or used is not counted twice."""
    if session.reserved_on is None:
        return
    account_id, day, token_id = session.account_id, session.reserved_on, session.token_id
    if session.state is State.UPLOADED:
        size = session.size or 0
        quota.unsettle(connection, account_id, day=day, size=size, token_id=token_id)
    else:
        reserved = session.reserved_bytes
        quota.release(connection, account_id, day=day, reserved=reserved, token_id=token_id)
    sessions.note(connection, session, reserved_on=None, reserved_bytes=0)
