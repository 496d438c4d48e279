"""Whether an upload that was admitted once is still welcome when it has arrived.

Hours may lie between: the account may have been disabled meanwhile, or its membership ended.
"""

from dataclasses import replace

from sqlalchemy import Connection

from cimaise.access import policy as rights
from cimaise.access.accounts.rows import account_by_id
from cimaise.errors import Forbidden, NotFound
from cimaise.library.collections import find_collection
from cimaise.library.model import Collection
from cimaise.uploads.session import UploadSession


def collection_now(connection: Connection, session: UploadSession) -> Collection:
    """Where an upload goes, as it is now; a step of the transaction that completes it.

    Raises:
        NotFound: The collection was deleted.
        Forbidden: Whoever began the upload may not contribute any more.
    """
    if session.collection_name is None:
        raise NotFound("The collection was deleted meanwhile.")
    account = account_by_id(connection, session.account_id)
    if account is None or account.disabled_at is not None:
        raise Forbidden("The account of this upload is disabled.")
    principal = replace(
        account.principal, token_id=session.token_id, collection_id=session.collection_id
    )
    found = find_collection(connection, session.collection_name, principal)
    rights.require_contribute(principal, found.facts)
    return found
