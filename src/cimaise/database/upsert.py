"""Rows that are made, or changed where they are there already, by whomever: in one statement."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects.postgresql import Insert


def upsert(
    table: Table, key: Sequence[str], *, replace: Sequence[str] = (), add: Sequence[str] = ()
) -> Any:
    """``INSERT … ON CONFLICT``, as SQLite and PostgreSQL both understand it.

    However many do it at once, none fails: each row is made once. Executed with many rows, they
    come in one order everywhere, or two transactions may wait for each other.

    Args:
        table: Where the row goes.
        key: The columns of its primary key or of another unique index.
        replace: Columns that get the new value where the row is there already.
        add: Columns to which the new value is added then. With neither, such a row stays as it is.
    """
    new = Insert(table)
    changes: dict[str, Any] = {name: new.excluded[name] for name in replace}
    changes |= {name: table.c[name] + new.excluded[name] for name in add}
    if not changes:
        return new.on_conflict_do_nothing(index_elements=list(key))
    return new.on_conflict_do_update(index_elements=list(key), set_=changes)
