"""Keeps out whoever lost a lease without knowing it.

A lease may end while its holder is stopped, swapped out or cut off; it then goes on as if it still
held it. Each lease has a token that grows. A transaction that is made under a lease first leaves
its token here, and is refused where a greater one was left before: from then on only the newest
holder changes anything. That is what Lamport's clocks and Chubby's sequencers do.
"""

from sqlalchemy import Connection, text

from cimaise.database.rights import KEEPS_RIGHTS
from cimaise.errors import WrongState

_LEAVE = text(
    "insert into fences (name, token) values (:name, :token)"
    " on conflict (name) do update set token = excluded.token"
    " where fences.token <= excluded.token"
).execution_options(**KEEPS_RIGHTS)


def require_newest(connection: Connection, *, name: str, token: int) -> None:
    """Leave ``token``, and keep others with the same name out until the transaction's end.

    Raises:
        WrongState: ``lease_lost``: a greater token was here before.
    """
    if connection.execute(_LEAVE, {"name": name, "token": token}).rowcount != 1:
        raise WrongState("Another process has taken this over.", code="lease_lost")
