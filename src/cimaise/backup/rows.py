"""All rows of a database as lines of JSON, and back, whichever database it is.

Tables are read as the database itself describes them, not as this version of the code does: so a
backup of an older version is loaded into the schema that it was made from, and migrated then.
Times are written as aware UTC; SQLite, which keeps no zone, gets and gives them without one.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import IO, Any, Final

import msgspec
from sqlalchemy import Connection, MetaData, Table, insert, select, text
from sqlalchemy.types import Boolean, DateTime

from cimaise.database.engine import unhurried

_VERSION_TABLE: Final = "alembic_version"
_BATCH: Final = 500


def tables_of(connection: Connection) -> list[Table]:
    """Every table but Alembic's, referenced ones before those that refer to them."""
    described = MetaData()
    described.reflect(connection)
    return [table for table in described.sorted_tables if table.name != _VERSION_TABLE]


def write_rows(connection: Connection, file: IO[bytes]) -> dict[str, int]:
    """Write every row as ``[table, {column: value}]``; gives how many each table had.

    ``connection`` is in a transaction that sees one moment of the database.
    """
    unhurried(connection)
    counts = {}
    for table in tables_of(connection):
        name = str(table.name)
        counts[name] = 0
        for row in connection.execute(select(table).execution_options(yield_per=_BATCH)):
            values = {str(column): _plain(value) for column, value in row._mapping.items()}  # noqa: SLF001 (SQLAlchemy's public name for it)
            file.write(msgspec.json.encode([name, values]) + b"\n")
            counts[name] += 1
    return counts


def _plain(value: Any) -> Any:
    if not isinstance(value, datetime):
        return value
    aware = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return aware.isoformat()


def read_rows(connection: Connection, file: IO[bytes]) -> dict[str, int]:
    """Insert what :func:`write_rows` wrote; gives how many rows each table got.

    The tables are there and hold nothing; what their migrations filled in is removed first.
    """
    unhurried(connection)
    tables = {str(table.name): table for table in tables_of(connection)}
    for table in reversed(list(tables.values())):
        connection.execute(table.delete())
    counts = dict.fromkeys(tables, 0)
    for name, batch in _batches(file):
        table = tables[name]
        rows = [_typed(table, values, connection.dialect.name) for values in batch]
        connection.execute(insert(table), rows)
        counts[name] += len(rows)
    if connection.dialect.name == "postgresql":
        _continue_numbers(connection, list(tables.values()))
    return counts


def _batches(file: IO[bytes]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Rows of one table at a time, as they stand in the file."""
    current = ""
    batch: list[dict[str, Any]] = []
    for line in file:
        name, values = msgspec.json.decode(line)
        if batch and (name != current or len(batch) >= _BATCH):
            yield current, batch
            batch = []
        current = name
        batch.append(values)
    if batch:
        yield current, batch


def _typed(table: Table, values: dict[str, Any], dialect: str) -> dict[str, Any]:
    """Values as the database wants them."""
    typed = dict(values)
    for column in table.columns:
        value = typed.get(column.name)
        if value is None:
            continue
        if isinstance(column.type, DateTime):
            at = datetime.fromisoformat(value)
            typed[column.name] = at.replace(tzinfo=None) if dialect == "sqlite" else at
        elif isinstance(column.type, Boolean):
            typed[column.name] = bool(value)
    return typed


def _continue_numbers(connection: Connection, tables: list[Table]) -> None:
    """PostgreSQL numbers new rows from where the loaded ones end."""
    for table in tables:
        for column in table.primary_key.columns:
            found = connection.execute(
                text("select pg_get_serial_sequence(:table, :column)"),
                {"table": table.name, "column": column.name},
            ).scalar()
            if found is not None:
                last = connection.execute(select(column).order_by(column.desc()).limit(1)).scalar()
                connection.execute(
                    text("select setval(:sequence, :last, :is_used)"),
                    {"sequence": found, "last": last or 1, "is_used": last is not None},
                )
