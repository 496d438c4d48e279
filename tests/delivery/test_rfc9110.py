"""Every row of the table, on everything that is delivered, wherever its bytes lie."""

import os
import time

import pytest

from tests.delivery.conftest import Site
from tests.kit.delivery_cases import CHAPTERS, both_methods
from tests.kit.delivery_client import Target, ask, connect, filled, judge
from tests.kit.raw_http import RawClient

TARGETS = ("disk original", "disk variant", "disk album-file", "s3 original", "s3 variant")


@pytest.fixture
def target(request: pytest.FixtureRequest) -> Target:
    place, name = request.param.split()
    site: Site = request.getfixturevalue(f"{place}_site")
    return site.targets[name]


def test_the_table_is_long():
    assert sum(len(cases) for cases in CHAPTERS.values()) >= 250


@pytest.mark.slow
@pytest.mark.parametrize("chapter", CHAPTERS)
@pytest.mark.parametrize("target", TARGETS, indirect=True)
def test_every_row_is_answered_as_rfc_9110_says(target: Target, chapter: str):
    wrong = []
    with connect(target.url) as connection:
        for case in both_methods(CHAPTERS[chapter]):
            answer = ask(connection, case.method, target.path, filled(case, target), target.key)
            try:
                judge(case, target, answer)
            except AssertionError as fault:
                wrong.append(f"{case}: {fault}\n  {answer.status} {answer.headers}")
    assert not wrong, "\n".join(wrong[:10])


def test_both_addresses_of_an_original_give_the_same(disk_site: Site):
    one, other = disk_site.targets["original"], disk_site.targets["long-original"]
    ignored = {"date", "x-request-id"}
    assert {n: t for n, t in one.headers.items() if n not in ignored} == {
        n: t for n, t in other.headers.items() if n not in ignored
    }
    assert one.body == other.body


def test_a_date_within_the_second_that_still_runs_is_no_strong_validator(disk_site: Site):
    """RFC 9110 §8.8.2.2: what was changed just now can change again under the same date."""
    path = disk_site.server.application.settings.data.dir / "albums" / "hung" / "picture.png"
    target = disk_site.targets["album-file"]
    later = time.time() + 3600  # a clock ahead of ours: certainly not a second old
    os.utime(path, (later, later))
    with connect(target.url) as connection:
        date = ask(connection, "HEAD", target.path, (), target.key).headers["last-modified"]
        headers = (("Range", "bytes=0-9"), ("If-Range", date))
        answer = ask(connection, "GET", target.path, headers, target.key)
    os.utime(path)
    assert answer.status == 200


@pytest.mark.parametrize("letter", ["\x0b", "\x00", "\x1f", "\x7f"])
def test_a_header_with_a_control_character_is_refused_before_it_is_read(
    disk_site: Site, letter: str
):
    """RFC 9110 §5.5."""
    target = disk_site.targets["original"]
    with RawClient(target.url) as client:
        client.send_head("GET", target.path, f"Range: bytes=0-1{letter}", "Connection: close")
        assert client.read_head().startswith("HTTP/1.1 400 ")
