"""What every door does with a session: whose it is, whether it goes on, and how it ends."""

from sqlalchemy import Connection, select

from cimaise import telemetry
from cimaise.access.policy import Principal
from cimaise.database.schema import uploads
from cimaise.errors import CimaiseError, Forbidden, Gone, WrongState
from cimaise.uploads import session as sessions
from cimaise.uploads.discard import end_and_remove
from cimaise.uploads.session import ENDED, State, UploadSession
from cimaise.uploads.stores import Stores


async def find_session(stores: Stores, upload_id: str) -> UploadSession:
    """The session as it is now; ``NotFound``."""
    return await stores.database.read(lambda connection: sessions.find(connection, upload_id))


def require_owner(principal: Principal, session: UploadSession) -> None:
    """``Forbidden`` for all but whoever began it, and administrators."""
    if session.account_id != principal.account_id and not principal.is_admin:
        raise Forbidden("This upload is somebody else's.")


async def require_living(stores: Stores, session: UploadSession) -> None:
    """It may still go on or is complete; one past its time ends here.

    Raises:
        Gone: ``expired``.
        WrongState: It has ended in another way.
    """
    is_late = session.state is State.PENDING and stores.clock() >= session.expires_at
    if is_late:
        await end_session(stores, session, State.EXPIRED)
    if is_late or session.state is State.EXPIRED:
        raise Gone("The upload is past its time.", code="expired")
    if session.state in ENDED:
        raise WrongState(f"The upload is {session.state}.")


async def end_session(
    stores: Stores, session: UploadSession, to: State, reason: str = "", *, is_ours: bool = False
) -> bool:
    """End it, and remove its bytes; False where somebody was quicker.

    ``is_ours``: see :func:`cimaise.uploads.discard.end`.
    """
    return await end_and_remove(
        stores.database, stores.storage, session, to, now=stores.clock(), reason=reason,
        is_ours=is_ours,
    )  # fmt: skip


async def give_up_beginning(stores: Stores, session: UploadSession) -> None:
    """The storage failed before anybody knew of the upload."""
    await end_session(stores, session, State.ABORTED, "the storage refused to begin", is_ours=True)


async def reject(stores: Stores, session: UploadSession, refusal: CimaiseError) -> bool:
    """End it for what is wrong with its bytes. As :func:`end_session`."""
    telemetry.log("upload_rejected", upload=session.id, code=refusal.code)
    return await end_session(stores, session, State.REJECTED, refusal.message)


async def back_to_pending(stores: Stores, session: UploadSession) -> None:
    """An attempt to complete it failed for what can be mended: it may be tried again."""
    await stores.database.write(
        lambda connection: sessions.advance(connection, session, State.PENDING, now=stores.clock())
    )


def account_of_key(connection: Connection, incoming_key: str) -> str:
    """Whose upload writes there; empty where none does."""
    statement = select(uploads.c.account_id).where(uploads.c.incoming_key == incoming_key)
    return str(connection.execute(statement).scalar() or "")
