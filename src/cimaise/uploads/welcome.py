"""Whether an upload that was admitted once is still welcome when it has arrived.

Hours may lie between: the account may have been disabled or banned meanwhile, or its membership
may have ended.
"""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from cimaise.access import policy as rights
from cimaise.access.accounts.rows import account_by_id
from cimaise.access.policy import Principal
from cimaise.access.risk.bans import is_banned
from cimaise.errors import Forbidden, NotFound
from cimaise.library.collection_rows import collection_named
from cimaise.library.model import Collection
from cimaise.uploads.session import UploadSession


def collection_now(connection: Connection, session: UploadSession, *, now: datetime) -> Collection:
    """Where an upload goes, as it is now; a step of the transaction that completes it.

    Raises:
        NotFound: The collection was deleted.
        Forbidden: Whoever began the upload may not contribute any more.
    """
    if session.collection_name is None:
        raise NotFound("The collection was deleted meanwhile.")
    sender = sender_now(connection, session.account_id, now=now)
    principal = replace(sender, token_id=session.token_id, collection_id=session.collection_id)
    found = collection_named(connection, session.collection_name, principal)
    rights.require_contribute(principal, found.facts)
    return found


def sender_now(connection: Connection, account_id: str, *, now: datetime) -> Principal:
    """The account that began an upload.

    Raises:
        Forbidden: It was disabled or (``banned``) banned meanwhile.
    """
    account = account_by_id(connection, account_id)
    if account is None or account.disabled_at is not None:
        raise Forbidden("The account of this upload is disabled.")
    if not account.principal.is_admin and is_banned(connection, account_id, now=now):
        raise Forbidden("The account of this upload is banned.", code="banned")
    return account.principal
