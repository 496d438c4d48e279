"""The step of a transaction that makes a session complete, and a file of it where that is wanted."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from cimaise.library.model import Collection, File
from cimaise.library.publication import publish
from cimaise.library.takedowns.blocked import require_not_blocked
from cimaise.uploads import quota
from cimaise.uploads import session as sessions
from cimaise.uploads.discard import keys_of, note_leftovers
from cimaise.uploads.gate import admit_content
from cimaise.uploads.inspect import Inspection
from cimaise.uploads.publish import Caption, publication_of
from cimaise.uploads.session import State, UploadSession


def settle(
    connection: Connection,
    session: UploadSession,
    inspection: Inspection,
    collection: Collection,
    *,
    key: str,
    caption: Caption | None,
    now: datetime,
    new_id: Callable[[], str],
    keep_until: datetime | None = None,
) -> tuple[bool, File | None]:
    """Complete a session that is ``completing``; the quota turns from reserved to used.

    Args:
        connection: Of the caller's transaction.
        session: As it was read.
        inspection: What its bytes are.
        collection: Where it goes, as it is now.
        key: Where its bytes are and stay.
        caption: Publish at once, with these words; ``None`` waits for the publish call.
        now: The time.
        new_id: Makes the file's id.
        keep_until: How long it waits for its publication; ``None``: once more as long as it had
            to arrive.

    Returns:
        Whether this call did it (another may have, or the session ended meanwhile), and the file.

    Raises:
        TypeNotAllowed: The collection wants other types.
        TakenDown, Unavailable: See :func:`require_not_blocked`.
    """
    admit_content(collection, found_type=inspection.content_type)
    require_not_blocked(connection, inspection.sha256_hex, inspection.size)
    waits_until = keep_until or now + (session.expires_at - session.created_at)
    found = _found(inspection, now) | {"storage_key": key, "expires_at": waits_until}
    if not sessions.advance(connection, session, State.UPLOADED, now=now, **found):
        return False, None
    assert session.reserved_on is not None
    quota.settle(
        connection,
        session.account_id,
        day=session.reserved_on,
        reserved=session.reserved_bytes,
        size=inspection.size,
        token_id=session.token_id,
    )
    # The URLs live on, and attempts that died may have left something: deleted when nothing can
    # bring it back.
    others = [other for other in keys_of(session) if other != key]
    note_leftovers(connection, session, others, now=now, reason="not the verified version")
    if caption is None:
        return True, None
    uploaded = replace(session, state=State.UPLOADED, **found)
    made = publication_of(uploaded, collection, caption)
    file = publish(connection, made, now=now, new_id=new_id)
    sessions.advance(connection, uploaded, State.PUBLISHED, now=now, file_id=file.id)
    return True, file


def _found(inspection: Inspection, now: datetime) -> dict[str, Any]:
    return {
        "size": inspection.size,
        "content_type": inspection.content_type,
        "sha256": inspection.sha256_hex,
        "storage_etag": inspection.etag,
        "picture": inspection.picture_json(),
        "completed_at": now,
    }
