"""Rates and transfers at the door. The tests' own addresses are on loopback, which counts here."""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from cimaise.access.policy import GUEST, Principal, Role
from cimaise.errors import TooMany
from cimaise.settings import Limits, Settings
from cimaise.settings.rate import UNLIMITED, Allowance, parse_allowance
from cimaise.state.local import LocalState
from cimaise.web.limits.limiting import Kind, Limiter
from cimaise.web.routes import LINES
from tests.kit.application import RunningApplication, running_application

POLICY = re.compile(r'"[a-z-]+";q=\d+;w=\d+')
STATE = re.compile(r'"[a-z-]+";r=\d+;t=\d+')
ANN = Principal("ann-id", "ann", Role.MEMBER)


def limited(settings: Settings) -> Settings:
    hour = 3600.0
    limits = Limits(
        sign_ins=Allowance(3, hour),
        address_reads=Allowance(5, hour),
        account_reads=Allowance(8, hour),
        account_uploads=Allowance(2, hour),
        exempt=(),
    )
    return replace(settings, limits=limits)


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[RunningApplication]:
    with running_application(tmp_path, limited) as running:
        yield running


def test_one_request_too_many_is_answered_429_with_the_time_to_wait(strict: RunningApplication):
    with strict.client() as guest:
        answers = [guest.get("/api/albums") for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    last = answers[-1]
    assert last.json()["code"] == "too_many"
    assert last.json()["limit"] == {"name": "limits.reads", "value": 5}
    assert 0 < int(last.headers["retry-after"]) <= 720
    assert [answer.headers["ratelimit"].split(";")[1] for answer in answers] == [
        "r=4", "r=3", "r=2", "r=1", "r=0", "r=0"
    ]  # fmt: skip
    for answer in answers:
        assert POLICY.fullmatch(answer.headers["ratelimit-policy"])
        assert STATE.fullmatch(answer.headers["ratelimit"])


def test_an_account_has_its_own_rate_wherever_it_comes_from(strict: RunningApplication):
    ann, ben = strict.person("ann"), strict.person("ben")
    with strict.client(ann) as client:
        assert [client.get("/api/me").status_code for _ in range(9)] == [200] * 8 + [429]
    with strict.client(ben) as client:
        assert client.get("/api/me").status_code == 200
    with strict.client() as guest:
        assert guest.get("/api/albums").status_code == 200


def test_kinds_of_routes_are_counted_apart(strict: RunningApplication):
    with strict.client(strict.person("ann")) as client:
        body = {"collection": "inbox", "filename": "a.txt", "size": 5}
        codes = [client.post("/api/uploads", json=body).status_code for _ in range(3)]
        assert codes == [201, 201, 429]
        assert client.get("/api/me").status_code == 200


def test_guessing_keys_ends_soon(strict: RunningApplication):
    with strict.client() as guest:
        headers = {"Authorization": "Bearer cim_guess"}
        codes = [guest.get("/api/me", headers=headers).status_code for _ in range(5)]
        assert codes == [401, 401, 401, 429, 429]
        assert guest.post("/api/login", json={"key": "cim_guess"}).status_code == 429


def test_a_refused_upload_begins_nothing(strict: RunningApplication):
    with strict.client(strict.person("ann")) as client:
        body = {"collection": "inbox", "filename": "a.txt", "size": 5}
        for _ in range(4):
            client.post("/api/uploads", json=body)
        assert len(client.get("/api/uploads").json()["uploads"]) == 2


def test_health_is_never_counted(strict: RunningApplication):
    for _ in range(20):
        answer = httpx2.get(strict.url + "/healthz")
        assert answer.status_code == 200
        assert "ratelimit" not in answer.headers


def test_loopback_is_exempt_unless_said_otherwise(tmp_path: Path):
    with running_application(tmp_path) as server, server.client() as guest:
        for _ in range(50):
            assert "ratelimit" not in guest.get("/api/albums").headers


def request_from(host: str | None) -> Request:
    client = None if host is None else (host, 1)
    return Request({"type": "http", "method": "GET", "headers": [], "client": client})


@pytest.fixture
def state(tmp_path: Path) -> Iterator[LocalState]:
    opened = LocalState(tmp_path)
    yield opened
    asyncio.run(opened.close())


async def allowed(limiter: Limiter, host: str | None, times: int) -> list[bool]:
    seen = []
    for _ in range(times):
        try:
            await limiter.count(Kind.READ, request_from(host), GUEST, {})
        except TooMany:
            seen.append(False)
        else:
            seen.append(True)
    return seen


@pytest.mark.parametrize(
    ("first", "second", "are_one"),
    [
        ("203.0.113.1", "203.0.113.1", True),
        ("203.0.113.1", "203.0.113.2", False),
        ("2001:db8::1", "2001:db8::ffff:1", True),  # one site has 2^64 of them
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("203.0.113.1", "::ffff:203.0.113.1", True),
    ],
)
def test_what_counts_as_one_address(state: LocalState, first: str, second: str, are_one: bool):
    limiter = Limiter(Limits(address_reads=Allowance(1, 3600.0)), state)
    assert asyncio.run(allowed(limiter, first, 1)) == [True]
    assert asyncio.run(allowed(limiter, second, 1)) == [not are_one]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "", "unix", None])
def test_what_is_exempt(state: LocalState, host: str | None):
    limiter = Limiter(Limits(address_reads=Allowance(1, 3600.0)), state)
    assert asyncio.run(allowed(limiter, host, 3)) == [True] * 3


def test_only_so_many_transfers_run_at_once(state: LocalState):
    limiter = Limiter(Limits(transfers=2), state)
    request = request_from("203.0.113.1")

    async def run() -> None:
        async with limiter.transfer(request, ANN), limiter.transfer(request, ANN):
            with pytest.raises(TooMany) as caught:
                async with limiter.transfer(request, ANN):
                    pytest.fail("let in")
            assert caught.value.retry_after_s == 5
            async with limiter.transfer(request, GUEST):
                pass
        async with limiter.transfer(request, ANN):
            pass

    asyncio.run(run())


def test_a_transfer_that_fails_gives_its_place_back(state: LocalState):
    limiter = Limiter(Limits(transfers=1), state)
    request = request_from("203.0.113.1")

    async def run() -> None:
        for _ in range(3):
            with pytest.raises(RuntimeError):
                async with limiter.transfer(request, ANN):
                    raise RuntimeError

    asyncio.run(run())


def test_every_route_that_begins_an_upload_counts_as_one():
    kinds = {f"{line.method} {line.path}": line.kind for line in LINES}
    begins = {name for name, kind in kinds.items() if kind is Kind.UPLOAD}
    assert begins >= {
        "POST /api/uploads",
        "POST /upload",
        "POST /upload/{token}",
        "PUT /api/collections/{name}/files/{filename}",
        "POST /companion/s3/multipart",
        "POST /companion/{token}/s3/multipart",
    }
    assert {name for name, kind in kinds.items() if kind is Kind.SIGN_IN} == {
        "POST /api/login",
        "POST /login",
        "POST /api/challenge",
        "POST /challenge",
        "POST /api/register",
        "POST /register",
        "POST /api/invitations/{token}",
        "POST /join/{token}",
        "GET /oidc/start",
        "GET /oidc/callback",
    }
    assert kinds["PUT /storage/{token}"] is Kind.FREE
    assert kinds["GET /resize"] is Kind.PICTURE


@given(st.integers(1, 10**9 - 1), st.sampled_from(["s", "m", "h", "d", "10s", "90m"]))
def test_rates_are_read(count: int, time: str):
    read = parse_allowance(f"{count}/{time}")
    assert read.count == count
    assert parse_allowance(str(read)) == read


@pytest.mark.parametrize("text", ["", "20", "m", "20/", "-1/m", "0/m", "20/0s", "20/w", "1e3/m"])
def test_what_is_no_rate_is_refused(text: str):
    with pytest.raises(ValueError, match="a rate"):
        parse_allowance(text)


def test_no_limit_is_zero():
    assert parse_allowance("0") == UNLIMITED
