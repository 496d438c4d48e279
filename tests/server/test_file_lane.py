"""What the lane of open files selects is what the application would have selected."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from hypothesis import example, given
from hypothesis import strategies as st

from cimaise.errors import RangeNotSatisfiable
from cimaise.rfc.selection import NOT_MODIFIED, Representation, Wanted, select
from cimaise.rfc.validators import Conditions
from cimaise.server.files import Ended, FileLane, Stretch
from cimaise.server.requests import Request

NOW = datetime(2026, 3, 9, 10, 11, 12, tzinfo=UTC)
ETAG = '"v1"'
TAGS = st.sampled_from((ETAG, '"v2"', 'W/"v1"', "*", '"v1", "v2"', '"v2","v1"', ""))
NUMBERS = st.one_of(st.integers(0, 30), st.integers(0, 10**20)).map(str)
RANGES = st.one_of(
    st.tuples(NUMBERS, NUMBERS).map(lambda pair: f"bytes={pair[0]}-{pair[1]}"),
    NUMBERS.map(lambda first: f"bytes={first}-"),
    NUMBERS.map(lambda last: f"bytes=-{last}"),
    st.lists(st.tuples(NUMBERS, NUMBERS), min_size=2, max_size=3).map(
        lambda many: "bytes=" + ",".join(f"{first}-{last}" for first, last in many)
    ),
    st.sampled_from(("Bytes=0-1", "bytes=0-1,", "bytes = 0-1", "bytes=0 -1", "lines=0-1", "")),
)


@dataclass(frozen=True)
class Facts:
    size: int
    etag: bytes = ETAG.encode()
    lines: bytes = b'etag: "v1"\r\n'
    known_lines: bytes = b'etag: "v1"\r\n'


@dataclass(frozen=True)
class Opened:
    facts: Facts
    descriptor: int = 7


@dataclass(frozen=True)
class Files:
    """Has one file, which everybody may have."""

    file: Opened

    def find(self, target: bytes, headers: Sequence[tuple[bytes, bytes]]) -> Opened:
        del target, headers
        return self.file

    def begin(
        self, file: Opened, target: bytes, headers: Sequence[tuple[bytes, bytes]], host: str
    ) -> Callable[[Ended], None]:
        del file, target, headers, host
        return lambda _ended: None


def answered(size: int, headers: dict[str, str]) -> Stretch | None:
    pairs = [(name.encode(), text.encode()) for name, text in headers.items()]
    request = Request("GET", b"/files/a", "1.1", pairs, True, 0, False)
    lane = FileLane(Files(Opened(Facts(size))))
    return lane.answer(request, [(b"date", b"now")], ("192.0.2.1", 1))


def expected(size: int, headers: dict[str, str]) -> tuple[int, int, int]:
    conditions = Conditions(if_none_match=headers.get("if-none-match"))
    wanted = Wanted("GET", conditions, headers.get("range"), headers.get("if-range"))
    chosen = select(Representation(size, "v1", "image/png"), wanted, now=NOW)
    if chosen.status == NOT_MODIFIED:
        return chosen.status, 0, 0
    (span,) = chosen.ranges
    return chosen.status, span.start, span.stop - span.start


@given(
    size=st.integers(1, 25),
    headers=st.fixed_dictionaries(
        {}, optional={"range": RANGES, "if-range": TAGS, "if-none-match": TAGS}
    ),
)
@example(size=10, headers={"range": "bytes=3-", "if-range": ETAG, "if-none-match": '"v2"'})
@example(size=10, headers={"range": "bytes=00003-007"})
def test_what_is_answered_at_once_is_what_the_rules_say(size: int, headers: dict[str, str]):
    stretch = answered(size, headers)
    if stretch is None:
        return  # the application's
    try:
        status, start, count = expected(size, headers)
    except RangeNotSatisfiable:
        raise AssertionError("the application would have refused it") from None
    first, *lines = stretch.head.decode().removesuffix("\r\n\r\n").split("\r\n")
    fields = dict(line.split(": ", 1) for line in lines)
    assert int(first.split()[1]) == status
    assert (stretch.start, stretch.count) == (start, count)
    assert fields.get("content-length") == (None if status == NOT_MODIFIED else str(count))
    span = f"bytes {start}-{start + count - 1}/{size}"
    assert fields.get("content-range") == (span if status == 206 else None)


@given(size=st.integers(1, 25), first=st.integers(0, 30), last=st.integers(0, 30))
def test_one_range_inside_is_always_answered_at_once(size: int, first: int, last: int):
    is_inside = first <= last and first < size
    assert (answered(size, {"range": f"bytes={first}-{last}"}) is not None) is is_inside
    assert answered(size, {}) is not None
