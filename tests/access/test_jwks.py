import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from cimaise.access.jwt import jwks
from cimaise.access.jwt.jwks import KeyRing, key_set_fetcher, parse_keys
from cimaise.errors import NotSignedIn, UpstreamFailed, UpstreamTimedOut
from tests.conftest import StandingClock
from tests.kit.access import CountingFetch
from tests.kit.token_keys import ec_key, ed_key, encode, public_entry, rsa_key


def ring(fetch: CountingFetch, clock: StandingClock) -> KeyRing:
    return KeyRing(fetch, clock)


async def unknown(keys: KeyRing, kid: str | None, alg: str = "RS256") -> None:
    with pytest.raises(NotSignedIn) as caught:
        await keys.find(kid, alg)
    assert caught.value.code == "bad_credentials"


async def test_keys_are_fetched_once_and_found_by_their_kid(clock: StandingClock):
    fetch = CountingFetch(public_entry(rsa_key(), "a"), public_entry(rsa_key("second"), "b"))
    keys = ring(fetch, clock)
    first, second = await keys.find("a", "RS256"), await keys.find("b", "RS256")
    assert first != second
    assert await keys.find("a", "RS256") is first
    assert fetch.calls == 1


async def test_an_unknown_kid_is_asked_for_at_most_once_a_minute(clock: StandingClock):
    fetch = CountingFetch(public_entry(rsa_key(), "a"))
    keys = ring(fetch, clock)
    for number in range(50):
        await unknown(keys, f"unknown-{number}")
    assert fetch.calls == 1
    clock.advance(59.9)
    await unknown(keys, "b")
    assert fetch.calls == 1
    clock.advance(0.1)
    fetch.entries.append(public_entry(rsa_key("second"), "b"))
    await keys.find("b", "RS256")
    assert fetch.calls == 2


async def test_many_that_wait_for_the_same_fetch_share_it(clock: StandingClock):
    fetch = CountingFetch(public_entry(rsa_key(), "a"))
    go_on = asyncio.Event()
    fetch.before = go_on.wait
    keys = ring(fetch, clock)
    waiting = asyncio.gather(*(keys.find("a", "RS256") for _ in range(20)))
    asyncio.get_running_loop().call_soon(go_on.set)
    found = await waiting
    assert len({id(key) for key in found}) == 1
    assert fetch.calls == 1


async def test_a_caller_that_goes_away_does_not_stop_the_fetch_for_the_others(
    clock: StandingClock,
):
    fetch = CountingFetch(public_entry(rsa_key(), "a"))
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        begun.set()
        await go_on.wait()

    fetch.before = wait
    keys = ring(fetch, clock)
    gone = asyncio.create_task(keys.find("a", "RS256"))
    await begun.wait()
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    go_on.set()
    await keys.find("a", "RS256")
    assert fetch.calls == 1


async def test_a_key_that_was_withdrawn_is_forgotten_within_a_quarter_of_an_hour(
    clock: StandingClock,
):
    fetch = CountingFetch(public_entry(rsa_key(), "a"), public_entry(rsa_key("second"), "b"))
    keys = ring(fetch, clock)
    await keys.find("a", "RS256")
    del fetch.entries[0]
    clock.advance(15 * 60 - 1)
    await keys.find("a", "RS256")
    clock.advance(1)
    await unknown(keys, "a")
    await keys.find("b", "RS256")


async def test_keys_outlive_a_failing_server_by_a_day_at_most(clock: StandingClock):
    fetch = CountingFetch(public_entry(rsa_key(), "a"))
    keys = ring(fetch, clock)
    await keys.find("a", "RS256")
    fetch.fault = UpstreamFailed("away")
    clock.advance(86_400 - 1)
    await keys.find("a", "RS256")
    with pytest.raises(UpstreamFailed):
        await keys.find("b", "RS256")
    clock.advance(1)
    with pytest.raises(UpstreamFailed):
        await keys.find("a", "RS256")
    fetch.fault = None
    clock.advance(60)
    await keys.find("a", "RS256")


async def test_until_the_first_success_a_fetch_is_tried_every_five_seconds(clock: StandingClock):
    fetch = CountingFetch(public_entry(rsa_key(), "a"))
    fetch.fault = UpstreamTimedOut("slow")
    keys = ring(fetch, clock)
    for _ in range(5):
        with pytest.raises(UpstreamTimedOut):
            await keys.find("a", "RS256")
    assert fetch.calls == 1
    fetch.fault = None
    clock.advance(5)
    await keys.find("a", "RS256")
    assert fetch.calls == 2


async def test_a_fetch_that_never_ends_is_given_up(
    clock: StandingClock, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(jwks, "_FETCH_S", 0.01)
    fetch = CountingFetch(public_entry(rsa_key(), "a"))
    fetch.before = asyncio.Event().wait
    with pytest.raises(UpstreamTimedOut):
        await ring(fetch, clock).find("a", "RS256")


async def test_a_set_without_a_usable_key_is_an_unknown_key(clock: StandingClock):
    await unknown(ring(CountingFetch(), clock), "a")


async def test_two_keys_with_one_kid_are_told_apart_by_their_kind_or_not_at_all(
    clock: StandingClock,
):
    both = CountingFetch(public_entry(rsa_key(), "a"), public_entry(ec_key(), "a"))
    keys = ring(both, clock)
    assert (await keys.find("a", "RS256")).key_type == "RSA"
    assert (await keys.find("a", "ES256")).key_type == "EC"
    alike = CountingFetch(public_entry(rsa_key(), "a"), public_entry(rsa_key("second"), "a"))
    await unknown(ring(alike, clock), "a")


RSA, EC, ED = public_entry(rsa_key()), public_entry(ec_key()), public_entry(ed_key())


@pytest.mark.parametrize(
    ("what", "entry"),
    [
        ("a secret", {"kty": "oct", "k": encode(b"x" * 32), "kid": "k1"}),
        ("for encryption", {**RSA, "use": "enc"}),
        ("not for verifying", {**RSA, "key_ops": ["encrypt"]}),
        ("operations that are no list", {**RSA, "key_ops": "verify"}),
        ("a short RSA key", public_entry(rsa_key("short", 1024))),
        ("an RSA key padded to look long", {**RSA, "n": encode(bytes(200) + b"\xff" * 128)}),
        ("a huge RSA key", {**RSA, "n": encode(b"\xff" * 5000)}),
        ("an RSA key with an even exponent", {**RSA, "e": "Ag"}),
        ("an RSA key with exponent one", {**RSA, "e": "AQ"}),
        ("an RSA key with a huge exponent", {**RSA, "e": encode(b"\xff" * 300)}),
        ("an RSA key without an exponent", {"kty": "RSA", "n": RSA["n"]}),
        ("an RSA key that is no base64", {**RSA, "n": "!" * 342}),
        ("an RSA key with a number", {**RSA, "n": 5}),
        ("another curve", {**EC, "crv": "P-384"}),
        ("a point off the curve", {**EC, "y": EC["x"]}),
        ("a short point", {**EC, "x": "AA"}),
        ("Ed448", {**ED, "crv": "Ed448"}),
        ("a key for agreement", {**ED, "crv": "X25519"}),
        ("a short Ed25519 key", {**ED, "x": "AA"}),
        ("an unknown kind", {"kty": "AKP", "kid": "k1"}),
        ("no kind", {"kid": "k1"}),
        ("a list", ["RSA"]),
        ("nothing", None),
    ],
)
def test_an_entry_that_is_no_fit_key_is_passed_over(what: str, entry: Any):
    assert [key.kid for key in parse_keys({"keys": [entry, ED | {"kid": "good"}]})] == ["good"]


@pytest.mark.parametrize(
    "entries", [{}, {"keys": None}, {"keys": {"a": RSA}}, {"keys": "RSA"}, {"key": [RSA]}]
)
def test_a_set_without_a_list_has_no_keys(entries: dict[str, Any]):
    assert parse_keys(entries) == ()


def test_what_follows_the_hundredth_entry_is_passed_over():
    listed = [ED | {"kid": str(number)} for number in range(150)]
    assert len(parse_keys({"keys": listed})) == 100


def test_private_members_of_a_careless_set_are_not_read():
    (key,) = parse_keys({"keys": [RSA | {"d": "AQAB", "p": "AQAB"}]})
    assert not key.key.is_private


def test_a_key_that_names_another_algorithm_does_not_fit():
    (key,) = parse_keys({"keys": [RSA | {"alg": "RS512"}]})
    assert not key.fits("RS256")
    (key,) = parse_keys({"keys": [ED | {"alg": "Ed25519"}]})
    assert key.fits("EdDSA")
    assert not key.fits("ES256")


VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=400)
    | st.lists(st.text(max_size=8))
)


@given(
    st.dictionaries(
        st.sampled_from(["kty", "crv", "n", "e", "x", "y", "kid", "use", "alg", "key_ops"]),
        VALUES
        | st.sampled_from(["RSA", "EC", "OKP", "P-256", "Ed25519", "AQAB", RSA["n"], EC["x"]]),
    )
)
def test_any_entry_is_a_key_or_passed_over(entry: dict[str, Any]):
    assert len(parse_keys({"keys": [entry]})) in (0, 1)


Serve = Callable[[Callable[[web.Request], Awaitable[web.StreamResponse]]], Awaitable[str]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    runners: list[web.AppRunner] = []

    async def start(handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> str:
        app = web.Application()
        app.router.add_get("/keys", handler)
        runner = web.AppRunner(app, shutdown_timeout=0)
        runners.append(runner)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}/keys"

    yield start
    for runner in runners:
        await runner.cleanup()


async def test_a_set_is_fetched_from_its_server(serve: Serve):
    async def reply(_request: web.Request) -> web.Response:
        return web.json_response({"keys": [RSA]})

    assert await key_set_fetcher(await serve(reply))() == {"keys": [RSA]}


@pytest.mark.parametrize(
    ("what", "status", "body"),
    [
        ("an error", 500, b'{"keys":[]}'),
        ("absence", 404, b"{}"),
        ("a redirect", 302, b'{"keys":[]}'),
        ("nothing", 204, b""),
        ("HTML", 200, b"<html>"),
        ("a list", 200, b"[]"),
        ("deep JSON", 200, b'{"keys":' + b"[" * 50_000 + b"]" * 50_000 + b"}"),
        ("more than its limit", 200, b'{"keys":[], "x":"' + b"x" * 300_000 + b'"}'),
        ("no UTF-8", 200, b'{"keys":"\xff"}'),
    ],
)
async def test_a_server_that_answers_with_something_else_has_failed(
    serve: Serve, what: str, status: int, body: bytes
):
    async def reply(_request: web.Request) -> web.Response:
        return web.Response(status=status, body=body, headers={"Location": "/keys"})

    fetch = key_set_fetcher(await serve(reply))
    with pytest.raises(UpstreamFailed):
        await fetch()


async def test_a_body_that_grows_when_unpacked_is_cut_at_the_limit(serve: Serve):
    async def reply(_request: web.Request) -> web.Response:
        response = web.Response(body=b'{"keys":"' + b"x" * 50_000_000 + b'"}')
        response.enable_compression(web.ContentCoding.gzip)
        return response

    fetch = key_set_fetcher(await serve(reply))
    with pytest.raises(UpstreamFailed):
        await fetch()


async def test_a_server_that_does_not_answer_is_given_up(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(jwks, "_FETCH_S", 0.05)
    forever = asyncio.Event()

    async def reply(_request: web.Request) -> web.Response:
        await forever.wait()
        return web.Response()

    fetch = key_set_fetcher(await serve(reply))
    with pytest.raises(UpstreamTimedOut):
        await fetch()
    forever.set()


async def test_a_server_that_is_not_there_has_failed(unused_port: int):
    with pytest.raises(UpstreamFailed):
        await key_set_fetcher(f"http://127.0.0.1:{unused_port}/keys")()


@pytest.fixture
def unused_port() -> int:

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
