"""Leases, places and values in a SQLite file, shared by the processes of one machine.

The file is written without waiting for the disk: what a power cut takes is over anyway, because
the processes are too. Everything runs in one thread, in short transactions.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from cimaise.state.base import Lease

_WAIT_S: Final = 5.0
_TABLES: Final = """
create table if not exists leases (name text primary key, token integer not null, until real not null) without rowid;
create table if not exists fences (one integer primary key check (one = 1), token integer not null);
create table if not exists places (key text not null, id text not null, until real not null, primary key (key, id)) without rowid;
create table if not exists entries (key text primary key, value text not null, until real not null) without rowid;
"""
_TIMED: Final = ("leases", "places", "entries")


class Facts:
    """The open file. Every method is one transaction; ``sqlite3.Error`` where that fails.

    Args:
        path: Of the file; made where it is not there, for its owner alone.
        clock: Seconds that all processes of the machine share.
    """

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self._clock = clock
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        self._connection = sqlite3.connect(
            path, timeout=_WAIT_S, isolation_level=None, check_same_thread=False
        )
        for pragma in ("journal_mode=WAL", "synchronous=OFF", "temp_store=MEMORY"):
            self._connection.execute(f"pragma {pragma}")
        self._connection.executescript(_TABLES)

    @contextmanager
    def _transaction(self) -> Iterator[float]:
        """Begin with the write lock; gives the time, as read under it."""
        self._connection.execute("begin immediate")
        try:
            yield self._clock()
        except BaseException:
            self._connection.execute("rollback")
            raise
        self._connection.execute("commit")

    def take_lease(self, name: str, ttl_s: float) -> Lease | None:
        """Take it; ``None`` where somebody holds it."""
        with self._transaction() as now:
            held = self._row("select 1 from leases where name = ? and until > ?", name, now)
            if held is not None:
                return None
            token = self._next_token(now)
            self._connection.execute(
                "insert or replace into leases values (?, ?, ?)", (name, token, now + ttl_s)
            )
            return Lease(name, token)

    def _next_token(self, now: float) -> int:
        """Above every one before, and above those of a file that was lost: the time in µs."""
        row = self._row("select token from fences")
        token = max((row[0] if row else 0) + 1, int(now * 1_000_000))
        self._connection.execute("insert or replace into fences values (1, ?)", (token,))
        return token

    def renew_lease(self, lease: Lease, ttl_s: float) -> bool:
        """Move its end; False where it is not there any more."""
        with self._transaction() as now:
            done = self._connection.execute(
                "update leases set until = ? where name = ? and token = ? and until > ?",
                (now + ttl_s, lease.name, lease.token, now),
            )
            return done.rowcount == 1

    def release_lease(self, lease: Lease) -> None:
        """Forget it, if it is still this one."""
        with self._transaction():
            self._connection.execute(
                "delete from leases where name = ? and token = ?", (lease.name, lease.token)
            )

    def enter(self, key: str, place_id: str, limit: int, ttl_s: float) -> bool:
        """Take a place; False where all are taken."""
        with self._transaction() as now:
            self._connection.execute("delete from places where key = ? and until <= ?", (key, now))
            taken = self._row("select count(*) from places where key = ?", key)
            if taken is not None and taken[0] >= limit:
                return False
            self._connection.execute(
                "insert into places values (?, ?, ?)", (key, place_id, now + ttl_s)
            )
            return True

    def leave(self, key: str, place_id: str) -> None:
        """Give a place back."""
        with self._transaction():
            self._connection.execute("delete from places where key = ? and id = ?", (key, place_id))

    def get(self, key: str) -> str | None:
        """A value within its time."""
        row = self._row("select value from entries where key = ? and until > ?", key, self._clock())
        return None if row is None else str(row[0])

    def put(self, key: str, value: str, ttl_s: float) -> None:
        """Keep a value."""
        with self._transaction() as now:
            self._connection.execute(
                "insert or replace into entries values (?, ?, ?)", (key, value, now + ttl_s)
            )

    def forget_ended(self) -> None:
        """Delete what is past its time, so that the file stays small."""
        with self._transaction() as now:
            for table in _TIMED:
                self._connection.execute(f"delete from {table} where until <= ?", (now,))  # noqa: S608 (a name of ours)

    def check(self) -> None:
        """Read and lock the file."""
        with self._transaction():
            self._row("select 1")

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _row(self, statement: str, *values: object) -> tuple[Any, ...] | None:
        found: tuple[Any, ...] | None = self._connection.execute(statement, values).fetchone()
        return found
