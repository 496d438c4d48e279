"""Answers that are prepared: for whom, how long, and what ends them."""

import pytest

from cimaise.images.keeping.entry import source_folder
from cimaise.images.keeping.hot import Answer, Answers

HEADERS = ((b"etag", b'"e"'), (b"content-type", b"image/webp"), (b"content-length", b"4"))
TARGET = b"/images/abc?width=100"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock_s() -> Clock:
    return Clock()


@pytest.fixture
def answers(clock_s: Clock) -> Answers:
    return Answers(max_bytes=1000, ttl_s=60, clock=clock_s)


def test_an_answer_is_given_to_the_same_target_with_its_headers_prepared(answers: Answers):
    answers.put(TARGET, "stored k", HEADERS, b"body", route="r", changes=answers.changes)
    found = answers.get(TARGET)
    assert found is not None
    assert (found.etag, found.body, found.headers) == (b'"e"', b"body", HEADERS)
    assert found.lines == b'etag: "e"\r\ncontent-type: image/webp\r\ncontent-length: 4\r\n'
    assert answers.get(TARGET + b"1") is None


def test_an_answer_ends_with_its_time(answers: Answers, clock_s: Clock):
    answers.put(TARGET, "stored k", HEADERS, b"body", route="r", changes=answers.changes)
    clock_s.now = 59.9
    assert answers.get(TARGET) is not None
    clock_s.now = 60.0
    assert answers.get(TARGET) is None


def test_a_change_of_a_source_ends_all_that_was_made_of_it_and_nothing_else(answers: Answers):
    for name in (b"/a", b"/b"):
        answers.put(name, "stored k", HEADERS, b"body", route="r", changes=answers.changes)
    answers.put(b"/c", "stored other", HEADERS, b"body", route="r", changes=answers.changes)
    answers.change(source_folder("stored k"))
    assert (answers.get(b"/a"), answers.get(b"/b")) == (None, None)
    assert answers.get(b"/c") is not None
    answers.change("")
    assert answers.get(b"/c") is None


@pytest.mark.parametrize("folder", ["", source_folder("stored k"), source_folder("stored other")])
def test_an_answer_that_was_decided_on_before_a_change_is_not_kept(answers: Answers, folder: str):
    changes = answers.changes
    answers.change(folder)
    answers.put(TARGET, "stored k", HEADERS, b"body", route="r", changes=changes)
    assert answers.get(TARGET) is None


def test_whoever_still_has_an_answer_that_was_dropped_has_nothing(answers: Answers, clock_s: Clock):
    def put(name: bytes) -> Answer:
        answers.put(name, "stored k", HEADERS, b"body", route="r", changes=answers.changes)
        found = answers.get(name)
        assert found is not None
        assert found.is_good()
        return found

    dropped = [put(b"/changed")]
    answers.change(source_folder("stored k"))
    dropped.append(put(b"/replaced"))
    assert put(b"/replaced").is_good()
    dropped.append(put(b"/crowded out"))
    for number in range(100):
        put(b"/%d" % number)
    assert [(one.is_good(), one.body) for one in dropped] == [(False, b"")] * 3
    old = put(b"/old")
    clock_s.now = 60.0
    assert not old.is_good()


def test_the_last_used_stay_where_there_is_not_room_for_all(answers: Answers):
    for number in range(100):
        answers.put(b"/%d" % number, f"stored {number}", HEADERS, b"b" * 100, route="r", changes=0)
    assert answers.get(b"/99") is not None
    assert answers.get(b"/0") is None


def test_sources_of_which_nothing_is_left_are_forgotten(answers: Answers):
    for number in range(5000):
        answers.put(b"/%d" % number, f"stored {number}", HEADERS, b"b" * 100, route="r", changes=0)
    assert len(answers._by_folder) < 1200
