"""Steps of the schema: one line of them, and what they carry over."""

import re
from collections import Counter
from pathlib import Path

import sqlalchemy as sa

from cimaise.database import migrations
from cimaise.database.upgrade import upgrade

MADE, OBJECTED = "2026-03-01 10:00:00.000000", "2026-03-02 11:00:00.000000"


def test_every_migration_follows_another_one_and_no_two_the_same():
    files = (Path(migrations.__file__).parent / "versions").glob("v*.py")
    before = Counter(
        re.findall(r'^down_revision.* = (?:"(\w+)"|None)', file.read_text("utf-8"), re.MULTILINE)[0]
        for file in files
    )
    assert len(before) > 20
    assert set(before.values()) == {1}


def test_an_objection_of_an_older_version_is_its_makers_still():
    engine = sa.create_engine("sqlite://")
    with engine.begin() as connection:
        upgrade(connection, to="0025")
        rows = {"held": (None, None, None), "countered": ("It is mine.", "ann", OBJECTED)}
        for state, (statement, by, at) in rows.items():
            connection.execute(
                sa.text(
                    "INSERT INTO takedowns (id, sha256, size, state, reason, made_at, hold_until,"
                    " statement, countered_by, countered_at) VALUES (:state, 'aa', 1, :state,"
                    " 'why', :made, :made, :statement, :by, :at)"
                ),
                {"state": state, "made": MADE, "statement": statement, "by": by, "at": at},
            )
        upgrade(connection, to="0026")
        found = connection.execute(sa.text("SELECT * FROM takedown_objections")).all()
        states = connection.execute(sa.text("SELECT state FROM takedowns ORDER BY state")).scalars()
        assert [tuple(row) for row in found] == [("countered", "ann", "It is mine.", OBJECTED)]
        assert list(states) == ["countered", "held"]
    engine.dispose()
