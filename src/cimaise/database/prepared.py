"""Statements that nearly every request executes: on SQLite their SQL is made once.

SQLAlchemy finds what it made of a statement before, and makes ready for whatever may come of it,
each time anew. On SQLite, where no network lies between, that takes longer than the statement.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from sqlalchemy import Connection, Insert, Row, Select, Update
from sqlalchemy.engine import Dialect, IteratorResult
from sqlalchemy.engine.result import SimpleResultMetaData
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler

from cimaise.database.rights import BESIDE_THE_POINT

_SQLITE: Final = "sqlite"
_Made = tuple[str, Callable[[Mapping[str, Any]], list[Any]]]


class _Statement:
    """Made for SQLite when it is first executed there."""

    def __init__(self, statement: Insert | Update | Select[Any]) -> None:
        self.statement = statement
        self._made: _Made | None = None
        self._names: frozenset[str] = frozenset()

    def execute(self, connection: Connection, values: Mapping[str, Any]) -> Any:
        """The driver's cursor, after it."""
        sql, parameters_of = self._made or self._make(connection.dialect, values)
        if values.keys() != self._names:
            raise ValueError("a prepared statement with other parameters than before")
        parameters = parameters_of(values)
        fault_class = connection.dialect.loaded_dbapi.Error
        try:
            cursor = connection.connection.cursor()
            cursor.execute(sql, parameters)
        except fault_class as fault:
            raise DBAPIError.instance(sql, None, fault, fault_class) from fault
        return cursor

    def _make(self, dialect: Dialect, values: Mapping[str, Any]) -> _Made:
        made = self.statement.compile(dialect=dialect, column_keys=[*values])
        assert isinstance(made, SQLCompiler)
        self._names = frozenset(values)
        self._made = (str(made), _parameters(made, dialect, self._names))
        return self._made


class Prepared:
    """An insert or an update that always has the same parameters and gives no rows.

    Only for tables on which nobody's rights depend: nobody else sees it execute.
    """

    def __init__(self, statement: Insert | Update) -> None:
        """``ValueError`` for another table, see :mod:`cimaise.database.rights`."""
        table = getattr(statement.table, "name", "")
        if table not in BESIDE_THE_POINT:
            raise ValueError(f"somebody's rights may depend on {table}")
        self._it = _Statement(statement)

    def run(self, connection: Connection, values: Mapping[str, Any]) -> int:
        """Execute it; how many rows an update has changed.

        ``values`` has the same keys each time. Raises what ``connection.execute`` raises.
        """
        if connection.dialect.name != _SQLITE:
            return connection.execute(self._it.statement, values).rowcount
        return int(self._it.execute(connection, values).rowcount)


class PreparedRow:
    """A select that always has the same parameters and gives one row at most, of any table."""

    def __init__(self, statement: Select[Any]) -> None:
        self._it = _Statement(statement)
        self._columns = tuple(statement.selected_columns)
        self._shape = SimpleResultMetaData([column.name for column in self._columns])
        self._processors: list[Callable[[Any], Any]] = []

    def first(self, connection: Connection, values: Mapping[str, Any]) -> Row[Any] | None:
        """The row, if there is one.

        ``values`` has the same keys each time. Raises what ``connection.execute`` raises.
        """
        if connection.dialect.name != _SQLITE:
            return connection.execute(self._it.statement, values).first()
        found = self._it.execute(connection, values).fetchone()
        if found is None:
            return None
        processors = self._processors or self._make(connection.dialect)
        row = tuple([process(raw) for process, raw in zip(processors, found, strict=True)])
        rows: IteratorResult[Any] = IteratorResult(self._shape, iter((row,)))
        return rows.first()

    def _make(self, dialect: Dialect) -> list[Callable[[Any], Any]]:
        kinds = [column.type.dialect_impl(dialect) for column in self._columns]
        self._processors = [kind.result_processor(dialect, None) or _as_it_is for kind in kinds]
        return self._processors


def _parameters(
    made: SQLCompiler, dialect: Dialect, names: frozenset[str]
) -> Callable[[Mapping[str, Any]], list[Any]]:
    """What gives the parameters in their order, as the driver takes them.

    ``ValueError`` for a statement that has more to it: columns with defaults that are computed
    here, lists of any length.
    """
    if made.insert_prefetch or made.update_prefetch or made.post_compile_params:
        raise ValueError("this statement cannot be prepared")
    constants = made.params
    places = [
        (name, name in names, constants.get(name), _processor(made.binds[name].type, dialect))
        for name in made.positiontup or ()
    ]

    def parameters(values: Mapping[str, Any]) -> list[Any]:
        return [
            process(values[name] if is_given else constant)
            for name, is_given, constant, process in places
        ]

    return parameters


def _processor(kind: Any, dialect: Dialect) -> Callable[[Any], Any]:
    return kind.dialect_impl(dialect).bind_processor(dialect) or _as_it_is


def _as_it_is(value: Any) -> Any:
    return value
