"""A real PostgreSQL server for a test run: its own data directory, Unix socket only."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ABSENT = (
    "PostgreSQL is not installed (initdb is neither on PATH nor in /usr/lib/postgresql):"
    " install the package postgresql"
)


def binaries() -> Path | None:
    """The folder of ``initdb`` and ``pg_ctl``, newest first, or ``None``."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    versions = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3])
    )
    return versions[-1].parent if versions else None


_EMPTY = """
do $$ declare one record; begin
  set local lock_timeout = '2s';
  set local session_replication_role = replica;
  for one in select tablename from pg_tables where schemaname = 'public' and tablename <> 'alembic_version' loop
    execute format('delete from %I', one.tablename);
  end loop;
  for one in select sequencename from pg_sequences where schemaname = 'public' loop
    perform setval(format('%I', one.sequencename)::regclass, 1, false);
  end loop;
end $$
"""
_TABLES = "select count(*) from pg_class where relnamespace = 'public'::regnamespace"


@dataclass(frozen=True)
class PostgresServer:
    """A running server; databases are copies of a template that the caller has filled."""

    socket_dir: Path
    control: Callable[..., None]

    def stop(self) -> None:
        """Gone at once, as when its machine dies; what was committed is kept."""
        self.control("-m", "immediate", "stop")

    def start(self) -> None:
        """Back, and answering."""
        self.control("start")

    def url(self, database: str) -> str:
        """What the application is told."""
        return f"postgresql://test@/{database}?host={self.socket_dir}"

    def run(self, statement: str) -> None:
        """One statement outside of a transaction, as the superuser."""
        import psycopg  # noqa: PLC0415

        with psycopg.connect(
            f"host={self.socket_dir} user=test dbname=postgres", autocommit=True
        ) as connection:
            connection.execute(statement.encode())

    def empty(self, database: str, template: str) -> bool:
        """Take every row out of a database, which is far quicker than making another.

        False where it is of no use any more: somebody still holds its rows, or made tables.
        """
        import psycopg  # noqa: PLC0415

        def tables(name: str) -> Any:
            with psycopg.connect(f"host={self.socket_dir} user=test dbname={name}") as connection:
                return connection.execute(_TABLES.encode()).fetchone()

        try:
            with psycopg.connect(
                f"host={self.socket_dir} user=test dbname={database}", autocommit=True
            ) as connection:
                connection.execute(_EMPTY.encode())
        except psycopg.OperationalError:
            return False
        return bool(tables(database) == tables(template))


@contextmanager
def running_postgres(*, keeps: bool = False) -> Iterator[PostgresServer]:
    """Start, give, stop and remove a server. Takes about a second.

    With ``keeps``, what was committed is there after :meth:`PostgresServer.stop`.
    """
    folder = binaries()
    assert folder is not None, ABSENT
    home = Path(tempfile.mkdtemp(prefix="cimaise-pg-", dir="/tmp"))
    as_postgres: dict[str, Any] = {"cwd": "/"}
    if os.getuid() == 0:  # initdb refuses root
        shutil.chown(home, "postgres", "postgres")
        as_postgres |= {"user": "postgres", "group": "postgres", "extra_groups": []}
    data = home / "data"
    quiet: dict[str, Any] = {"check": True, "stdout": subprocess.DEVNULL, **as_postgres}
    initdb: list[Any] = [folder / "initdb", "-D", data, "-U", "test", "-A", "trust", "--no-sync"]
    subprocess.run([*initdb, "-E", "UTF8", "--locale=C"], **quiet)
    options = (
        f"-k {home} -h '' -c fsync=off -c synchronous_commit={'on' if keeps else 'off'} -c full_page_writes=off"
        " -c shared_buffers=32MB -c max_connections=200"
    )

    def control(*words: str) -> None:
        tool: list[Any] = [folder / "pg_ctl", "-w", "-D", data, "-l", home / "log", "-o", options]
        subprocess.run([*tool, *words], **quiet)

    server = PostgresServer(home, control)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(home, ignore_errors=True)
