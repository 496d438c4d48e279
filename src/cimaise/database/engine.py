"""SQLite or PostgreSQL behind two verbs: read and write.

Work is a plain function of a SQLAlchemy connection. It runs in a thread of a small pool, inside
one transaction, and holds the connection no longer than it runs: never across an ``await``.

SQLite has one writer and several readers (WAL); a write begins with ``BEGIN IMMEDIATE``, so that
it never fails half-way for want of the lock. On PostgreSQL both verbs share one pool.
"""

import asyncio
import os
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from copy import copy
from functools import partial
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import QueuePool

from cimaise import telemetry
from cimaise.database.audit import ACTIONS
from cimaise.database.rights import Touched, prepare_to_watch
from cimaise.errors import Malformed, Unavailable
from cimaise.tasks import to_the_end

T = TypeVar("T")
_EXPECTED = "CIMAISE_DATABASE_URL: expected postgresql://… or sqlite:///path"
_NEWS = "news"
_BUSY = frozenset({"57014", "55P03", "40P01", "40001"})
"""PostgreSQL's codes: query_canceled, lock_not_available, deadlock_detected, serialization_failure.
A later try may do (PostgreSQL manual, appendix A)."""

Work = Callable[[Connection], T]


def announce(connection: Connection) -> None:
    """A step of a transaction: once it is committed, whoever listens to the database is told."""
    connection.info[_NEWS] = True


class Database:
    """Facts. Made by :func:`open_database`; :meth:`close` it."""

    def __init__(self, writer: Engine, reader: Engine, *, readers: int) -> None:
        self._writer = writer
        self._reader = reader
        self._guard: Work[None] | None = None
        self._listeners: list[Callable[[], None]] = []
        self._rights_listeners: list[Callable[[], None]] = []
        prepare_to_watch(writer)
        self._read_pool = ThreadPoolExecutor(readers, thread_name_prefix="database-read")
        self._write_pool = (
            self._read_pool
            if writer is reader
            else ThreadPoolExecutor(1, thread_name_prefix="database-write")
        )

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self._writer.dialect.name

    async def read(self, work: Work[T]) -> T:
        """Run ``work`` in a transaction that changes nothing; gives its result.

        Raises:
            Unavailable: The database cannot be reached, or no connection came free in time.
        """
        call = partial(self._run, self._reader, work)
        return await asyncio.get_running_loop().run_in_executor(self._read_pool, call)

    async def write(self, work: Work[T]) -> T:
        """Run ``work`` in one transaction: committed when it returns, undone when it raises.

        Cancelling does not stop a transaction that has begun: it ends whole, either way, and
        the cancellation is seen after it. So what a caller did is never half done.

        Raises:
            Unavailable: As for :meth:`read`.
        """
        # who asks, and for which request, is known in the thread as well
        call = partial(copy_context().run, self._write, work)
        loop = asyncio.get_running_loop()
        return await to_the_end(loop.run_in_executor(self._write_pool, call))

    def run_now(self, work: Work[T]) -> T:
        """Like :meth:`write`, in the calling thread; for the command line and start-up."""
        return self._write(work)

    def guarded(self, guard: Work[None]) -> "Database":
        """The same database, where every writing transaction begins with ``guard``.

        What ``guard`` raises refuses the transaction. Close the original, not this.
        """
        twin = copy(self)
        twin._guard = guard  # noqa: SLF001 (of the same class)
        return twin

    def _write(self, work: Work[T]) -> T:
        guard = self._guard
        if guard is None:
            return self._run(self._writer, work)

        def guarded(connection: Connection) -> T:
            guard(connection)
            return work(connection)

        return self._run(self._writer, guarded)

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call it after every transaction of this process that had something to announce.

        It is called in the transaction's thread, before :meth:`write` returns. It must not raise.
        Gives what ends it.
        """
        self._listeners.append(listener)
        return partial(self._listeners.remove, listener)

    def listen_to_rights(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call it after every transaction of this process that may have changed anybody's rights.

        Also where nobody knows whether it was committed. As for :meth:`listen`.
        """
        self._rights_listeners.append(listener)
        return partial(self._rights_listeners.remove, listener)

    def _run(self, engine: Engine, work: Work[T]) -> T:
        touched = Touched()
        try:
            return self._run_watched(engine, work, touched)
        finally:
            if touched.is_so:
                for listener in self._rights_listeners:
                    listener()

    def _run_watched(self, engine: Engine, work: Work[T], touched: Touched) -> T:
        with _our_errors(), engine.begin() as connection:
            touched.watch(connection)
            connection.info.pop(_NEWS, None)  # of a transaction that was undone
            connection.info.pop(ACTIONS, None)
            done = work(connection)
            has_news = connection.info.pop(_NEWS, False)
            actions = connection.info.pop(ACTIONS, ())
        for action in actions:  # committed
            telemetry.count("events_total", action=action)
        if has_news:
            for listener in self._listeners:
                listener()
        return done

    async def check(self) -> None:
        """Reach the database; ``Unavailable`` where that fails."""
        await self.read(lambda connection: connection.execute(text("select 1")))

    def close(self) -> None:
        """Wait for running transactions and close every connection."""
        self._read_pool.shutdown()
        self._write_pool.shutdown()
        self._reader.dispose()
        self._writer.dispose()


@contextmanager
def _our_errors() -> Iterator[None]:
    try:
        yield
    except PoolTimeout as fault:
        raise Unavailable("The database is busy.", code="busy", retry_after_s=1) from fault
    except (DataError, OverflowError) as fault:  # NUL in a text, a number beyond 64 bits
        raise Malformed("The request holds something that cannot be stored.") from fault
    except OperationalError as fault:
        if getattr(fault.orig, "sqlstate", None) in _BUSY:
            raise Unavailable("The database is busy.", code="busy", retry_after_s=1) from fault
        raise Unavailable("The database cannot be reached.") from fault
    except DBAPIError as fault:
        if fault.connection_invalidated:
            raise Unavailable("The database cannot be reached.") from fault
        raise


def database_url(url: str, data_dir: Path) -> URL:
    """The URL to open: the setting, or SQLite in the data folder where it is empty.

    Raises:
        ValueError: Neither SQLite nor PostgreSQL.
    """
    if not url:
        return URL.create("sqlite", database=str(data_dir / "cimaise.db"))
    try:
        made = make_url(url)
    except ArgumentError as fault:
        raise ValueError(_EXPECTED) from fault
    if made.drivername in ("postgres", "postgresql", "postgresql+psycopg"):
        return made.set(drivername="postgresql+psycopg")
    if made.drivername == "sqlite":
        return made
    raise ValueError(_EXPECTED)


def unhurried(connection: Connection) -> None:
    """A step of a transaction that may last: its statements have all the time they need."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("set local statement_timeout = 0"))
        connection.execute(text("set local lock_timeout = 0"))


def open_database(
    url: str,
    *,
    data_dir: Path,
    readers: int = 4,
    wait_s: float = 10.0,
    statement_s: float = 25.0,
) -> Database:
    """Open without connecting; the schema is brought up to date by ``migrate`` beside this.

    Args:
        url: ``CIMAISE_DATABASE_URL``; empty for SQLite in ``data_dir``.
        data_dir: Must exist.
        readers: Connections for reading (SQLite), or in all (PostgreSQL).
        wait_s: Longest wait for a connection or for a lock.
        statement_s: Longest time of one statement (PostgreSQL).
    """
    target = database_url(url, data_dir)
    if target.get_backend_name() == "sqlite":
        _make_private(target)
        return Database(
            _sqlite(target, size=1, wait_s=wait_s, begin="BEGIN IMMEDIATE"),
            _sqlite(target, size=readers, wait_s=wait_s, begin="BEGIN"),
            readers=readers,
        )
    engine = create_engine(
        target,
        pool_size=readers,
        max_overflow=0,
        pool_timeout=wait_s,
        pool_pre_ping=True,
        connect_args=_postgresql_arguments(target, wait_s, statement_s),
    )
    return Database(engine, engine, readers=readers)


def _postgresql_arguments(target: URL, wait_s: float, statement_s: float) -> dict[str, object]:
    """How long anything may last, so that a server that dies or hangs holds nobody up for ever.

    The URL's own ``options`` win. Without an answer of the other machine's TCP, a connection is
    given up after half a minute (libpq, "Database Connection Control Functions").
    """
    limits = f"-c statement_timeout={_ms(statement_s)} -c lock_timeout={_ms(wait_s)}"
    arguments: dict[str, object] = {
        "connect_timeout": max(1, int(wait_s)),
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 4,
        "tcp_user_timeout": 30_000,
    }
    return arguments if "options" in target.query else arguments | {"options": limits}


def _ms(seconds: float) -> int:
    return max(1, int(seconds * 1000))


def _make_private(target: URL) -> None:
    """The file is its owner's alone before anything is in it; SQLite's others follow its mode."""
    if target.database and target.database != ":memory:":
        os.close(os.open(target.database, os.O_RDWR | os.O_CREAT, 0o600))


def _sqlite(target: URL, *, size: int, wait_s: float, begin: str) -> Engine:
    engine = create_engine(
        target,
        poolclass=QueuePool,
        pool_size=size,
        max_overflow=0,
        pool_timeout=wait_s,
        connect_args={"timeout": wait_s, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "temp_store=MEMORY",
            "cache_size=-16000",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # past SQLAlchemy, for which it is a statement like every other: that takes ten times as long
        try:
            connection.connection.cursor().execute(begin)
        except sqlite3.Error as fault:
            raise DBAPIError.instance(begin, None, fault, sqlite3.Error) from fault

    return engine
