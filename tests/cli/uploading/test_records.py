"""What is remembered of an unfinished upload."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from cimaise.cli.uploading.records import Record, Records, Ticket, records_folder
from cimaise.cli.uploading.source import Source

SOURCE = Source(Path("/photos/a.raw"), 100, 5)
TICKET = Ticket("http://a.example", "inbox", SOURCE, checked=False)


@pytest.fixture
def records(tmp_path: Path) -> Records:
    return Records(tmp_path / "made" / "uploads")


def test_what_was_saved_is_loaded(records: Records):
    assert records.load(TICKET) is None
    record = Record("up1", {1: '"a"', 2: '"b"'}, "/photos/a.raw")
    records.save(TICKET, record)
    assert records.load(TICKET) == record
    records.forget(TICKET)
    records.forget(TICKET)
    assert records.load(TICKET) is None


@pytest.mark.parametrize(
    "other",
    [
        replace(TICKET, server="http://b.example"),
        replace(TICKET, collection="tools"),
        replace(TICKET, checked=True),
        replace(TICKET, source=replace(SOURCE, path=Path("/photos/b.raw"))),
        replace(TICKET, source=replace(SOURCE, size=101)),
        replace(TICKET, source=replace(SOURCE, mtime_ns=6)),
    ],
)
def test_another_upload_has_another_record(records: Records, other: Ticket):
    records.save(TICKET, Record("up1"))
    assert records.load(other) is None


def test_only_their_owner_can_read_them_and_no_draft_stays(records: Records, tmp_path: Path):
    records.save(TICKET, Record("up1"))
    folder = tmp_path / "made" / "uploads"
    (file,) = folder.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("text", ["", "{", "[]", '{"upload_id": 1}', '{"etags": {}}', "\xff"])
def test_a_record_that_cannot_be_read_counts_as_none(records: Records, tmp_path: Path, text: str):
    records.save(TICKET, Record("up1"))
    (file,) = (tmp_path / "made" / "uploads").iterdir()
    file.write_text(text, "latin-1")
    assert records.load(TICKET) is None


def test_old_records_are_removed_and_a_folder_that_is_not_there_is_no_fault(
    records: Records, tmp_path: Path
):
    records.forget_old()
    records.save(TICKET, Record("up1"))
    (file,) = (tmp_path / "made" / "uploads").iterdir()
    records.forget_old()
    assert file.exists()
    os.utime(file, (1, 1))
    records.forget_old()
    assert not file.exists()


def test_the_folder_is_where_caches_are(tmp_path: Path):
    given = records_folder({"XDG_CACHE_HOME": str(tmp_path)})
    assert given == tmp_path / "cimaise" / "uploads"
    assert records_folder({}) == Path.home() / ".cache" / "cimaise" / "uploads"
    assert records_folder({"XDG_CACHE_HOME": "relative"}) == records_folder({})
