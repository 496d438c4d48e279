"""Whatever may change rights is noticed, and what plainly does not is not."""

from typing import Any

from sqlalchemy import Connection, delete, insert, select, text, update

from cimaise.database.engine import Database
from cimaise.database.rights import BESIDE_THE_POINT, KEEPS_RIGHTS
from cimaise.database.schema import files, keys, uploads
from cimaise.database.schema.metadata import metadata


class Undone(Exception):
    pass


def changes(database: Database, *statements: Any, undo: bool = False) -> int:
    heard: list[int] = []
    database.listen_to_rights(lambda: heard.append(1))

    def work(connection: Connection) -> None:
        for statement in statements:
            connection.execute(statement)
        if undo:
            raise Undone

    try:
        database.run_now(work)
    except Undone:
        assert undo
    return len(heard)


def test_every_table_counts_that_is_not_beside_the_point(database: Database):
    for table in metadata.sorted_tables:
        nothing = next(iter(table.c)).is_(None)
        counts = table.name not in BESIDE_THE_POINT
        change = update(table).where(nothing).values({next(iter(table.c)).name: None})
        assert changes(database, change) == counts, table.name
        assert changes(database, delete(table).where(nothing)) == counts, table.name


def test_what_is_beside_the_point_is_a_table():
    assert set(metadata.tables) > BESIDE_THE_POINT


def test_a_transaction_is_told_of_once(database: Database):
    change = update(files).where(files.c.id == "none").values(title="")
    assert changes(database, select(files), change, change) == 1


def test_one_that_was_undone_counts_as_well(database: Database):
    change = update(files).where(files.c.id == "none").values(title="")
    assert changes(database, change, undo=True) == 1


def test_words_of_our_own_count(database: Database):
    assert changes(database, text("delete from files where id = 'none'")) == 1


def test_reading_changes_nothing(database: Database):
    assert changes(database, select(files), select(keys)) == 0


def test_a_statement_may_say_that_it_keeps_rights(database: Database):
    change = update(files).where(files.c.id == "none").values(download_count=1)
    assert changes(database, change.execution_options(**KEEPS_RIGHTS)) == 0
    assert changes(database, change.execution_options(**KEEPS_RIGHTS), change) == 1


def test_a_new_credential_takes_nothing_away(database: Database):
    assert (
        changes(
            database,
            insert(keys).from_select(["id"], select(uploads.c.id).where(uploads.c.id == "")),
        )
        == 0
    )


def test_the_next_transaction_begins_anew(database: Database):
    assert changes(database, update(files).where(files.c.id == "none").values(title="")) == 1
    assert changes(database, select(files)) == 0
