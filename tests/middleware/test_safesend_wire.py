import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimaise.middleware.safesend import IncompleteResponse, UnsendableMessage
from cimaise.middleware.safesend.wire import Wire
from tests.kit.asgi import Message, body, start

TRAILERS = {"type": "http.response.trailers", "headers": []}
PATHSEND = {"type": "http.response.pathsend", "path": "/srv/picture.jpg"}


def opened(length: int | None = None, *, status: int = 200, method: str = "GET", **more) -> Wire:
    wire = Wire(method)
    message = start(status, length, **more)
    assert wire.admit(message) == (message, None)
    return wire


def is_half_sent(wire: Wire) -> bool:
    return wire.is_half_sent


def zero_copy(count: int | None, *, more: bool = False) -> Message:
    message = {"type": "http.response.zerocopysend", "file": 3, "more_body": more}
    return message if count is None else message | {"count": count}


def test_a_response_in_order_passes_as_the_very_same_messages():
    wire = opened(4)
    for message in (body(b"ab", more=True), body(b"cd", more=True), body()):
        admitted, reason = wire.admit(message)
        assert admitted is message
        assert reason is None
    assert not is_half_sent(wire)


@pytest.mark.parametrize("message", [start(), body(b"late"), TRAILERS, PATHSEND, zero_copy(3)])
def test_whatever_follows_a_whole_response_is_ignored(message):
    wire = opened()
    wire.admit(body(b"done"))
    assert wire.admit(message) == (None, "already_sent")


def test_after_a_second_start_nothing_passes_because_it_may_belong_to_the_second():
    wire = opened()
    assert wire.admit(start(500)) == (None, "already_sent")
    assert wire.admit(body(b"second")) == (None, "already_sent")
    assert is_half_sent(wire)


@pytest.mark.parametrize("message", [body(b"early"), TRAILERS, PATHSEND, zero_copy(3)])
def test_what_comes_before_the_start_is_an_error_of_the_handler(message):
    wire = Wire("GET")
    with pytest.raises(UnsendableMessage):
        wire.admit(message)
    assert not is_half_sent(wire)
    assert wire.admit(start())[1] is None


@pytest.mark.parametrize("kind", ["http.response.early_hint", "http.response.push"])
def test_hints_pass_before_and_within_a_response_and_not_after_it(kind):
    wire = Wire("GET")
    hint = {"type": kind}
    assert wire.admit(hint) == (hint, None)
    wire.admit(start())
    assert wire.admit(hint) == (hint, None)
    wire.admit(body())
    assert wire.admit(hint) == (None, "already_sent")


def test_a_body_that_ends_before_its_length_is_never_ended():
    wire = opened(10)
    with pytest.raises(IncompleteResponse, match="7 bytes"):
        wire.admit(body(b"abc"))
    assert is_half_sent(wire)
    assert wire.admit(body()) == (None, "already_sent")


def test_bytes_past_the_length_are_cut_and_the_end_passes():
    wire = opened(3)
    cut, reason = wire.admit(body(b"abcdef", more=True))
    assert (cut, reason) == (body(b"abc", more=True), "too_many_bytes")
    assert wire.admit(body(b"ghi", more=True)) == (None, "too_many_bytes")
    end = body()
    assert wire.admit(end) == (end, None)
    assert not is_half_sent(wire)


def test_a_last_message_of_nothing_but_excess_still_ends_the_response():
    wire = opened(3)
    wire.admit(body(b"abc", more=True))
    assert wire.admit(body(b"def")) == (body(), "too_many_bytes")
    assert not is_half_sent(wire)


def test_a_view_of_memory_is_cut_like_bytes():
    wire = opened(2)
    cut, _ = wire.admit({"type": "http.response.body", "body": memoryview(b"abcd")})
    assert cut is not None
    assert bytes(cut["body"]) == b"ab"


@pytest.mark.parametrize("content", [b"", b"whole answer", b"abc"])
def test_an_answer_to_head_is_not_counted(content):
    wire = opened(3, method="HEAD")
    message = body(content)
    assert wire.admit(message) == (message, None)


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_without_content_lets_no_byte_through(status):
    wire = opened(12 if status == 304 else None, status=status)
    assert wire.admit(body(b"content")) == (body(), "too_many_bytes")


@pytest.mark.parametrize("value", [b"-1", b"ten", b"", b"1.0", b"+4", b"0x10", "٣".encode()])
def test_a_length_that_is_none_is_refused_before_anything_is_sent(value):
    wire = Wire("GET")
    with pytest.raises(UnsendableMessage):
        wire.admit({**start(), "headers": [(b"Content-Length", value)]})
    assert wire.admit(start()) == (start(), None)


def test_two_lengths_that_differ_are_refused_and_two_that_agree_pass():
    wire = Wire("GET")
    two = [(b"content-length", b"3"), (b"content-length", b"4")]
    with pytest.raises(UnsendableMessage):
        wire.admit({**start(), "headers": two})
    same = {**start(), "headers": [two[0], two[0]]}
    assert wire.admit(same) == (same, None)


def test_headers_that_can_be_read_once_reach_the_server_all_the_same():
    wire = Wire("GET")
    admitted, _ = wire.admit({**start(), "headers": (pair for pair in [(b"content-length", b"1")])})
    assert admitted is not None
    assert list(admitted["headers"]) == [(b"content-length", b"1")]
    with pytest.raises(IncompleteResponse):
        wire.admit(body())


def test_announced_trailers_belong_to_the_response():
    wire = opened(2, trailers=True)
    wire.admit(body(b"ab"))
    assert is_half_sent(wire)
    assert wire.admit(body(b"more")) == (None, "already_sent")
    first = TRAILERS | {"more_trailers": True}
    assert wire.admit(first) == (first, None)
    assert wire.admit(TRAILERS) == (TRAILERS, None)
    assert not is_half_sent(wire)
    assert wire.admit(TRAILERS) == (None, "already_sent")


def test_trailers_before_the_end_of_the_body_are_an_error_of_the_handler():
    with pytest.raises(UnsendableMessage):
        opened(trailers=True).admit(TRAILERS)


def test_a_start_in_place_of_trailers_spoils_the_response():
    wire = opened(trailers=True)
    wire.admit(body())
    assert wire.admit(start()) == (None, "already_sent")
    assert is_half_sent(wire)


def test_a_file_by_path_is_a_whole_body():
    wire = opened(1000)
    assert wire.admit(PATHSEND) == (PATHSEND, None)
    assert wire.admit(body()) == (None, "already_sent")


def test_bytes_of_a_descriptor_count_like_a_body():
    wire = opened(10)
    wire.admit(zero_copy(6, more=True))
    assert wire.admit(zero_copy(6)) == (zero_copy(4), "too_many_bytes")
    wire = opened(10)
    with pytest.raises(IncompleteResponse):
        wire.admit(zero_copy(6))


def test_a_descriptor_to_its_end_is_left_to_the_server_to_count():
    wire = opened(10)
    assert wire.admit(zero_copy(None)) == (zero_copy(None), None)
    assert not is_half_sent(wire)


def test_a_lost_client_is_the_reason_of_what_follows_unless_the_response_was_whole():
    wire = opened()
    wire.lose_client()
    assert wire.admit(body()) == (None, "disconnected")
    whole = opened()
    whole.admit(body())
    whole.lose_client()
    assert whole.admit(body()) == (None, "already_sent")


def test_a_response_is_claimed_once_and_only_before_its_start():
    wire = Wire("GET")
    assert wire.claim("deadline")
    assert not wire.claim("deadline")
    assert wire.admit(start()) == (None, "deadline")
    assert not opened().claim("deadline")


def test_observed_messages_move_the_state_as_admitted_ones_do():
    wire = Wire("GET")
    wire.observe(start(trailers=True))
    assert is_half_sent(wire)
    wire.observe(body(b"a", more=True))
    wire.observe(body())
    assert is_half_sent(wire)
    wire.observe(TRAILERS)
    assert not is_half_sent(wire)
    wire.observe(start())
    assert wire.admit(start()) == (None, "already_sent")


SIZES = st.integers(0, 6)
BODIES = st.builds(lambda size, more: body(b"x" * size, more=more), SIZES, st.booleans())
COPIES = st.builds(lambda size, more: zero_copy(size, more=more), SIZES, st.booleans())
STARTS = st.builds(
    start, st.sampled_from([200, 204, 304, 500]), st.none() | SIZES, trailers=st.booleans()
)


@given(st.lists(st.one_of(STARTS, BODIES, COPIES, st.just(TRAILERS), st.just(PATHSEND))))
def test_any_messages_leave_one_response_whose_bytes_are_as_many_as_declared(messages):
    wire = Wire("GET")
    passed = []
    for message in messages:
        try:
            admitted, reason = wire.admit(message)
        except (IncompleteResponse, UnsendableMessage):
            continue
        assert (admitted is message) == (reason is None)
        if admitted is not None:
            passed.append(admitted)
    if not passed:
        return
    assert [m["type"] for m in passed].count("http.response.start") == 1
    assert passed[0]["type"] == "http.response.start"
    declared = dict(passed[0]["headers"]).get(b"content-length")
    if declared is None or PATHSEND in passed or passed[0]["status"] in (204, 304):
        return
    size = sum(len(m.get("body", b"")) + m.get("count", 0) for m in passed)
    assert size <= int(declared)
    assert is_half_sent(wire) or size == int(declared)
