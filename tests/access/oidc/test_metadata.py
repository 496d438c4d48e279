"""What a provider says of itself: asked seldom, and nobody waits who need not."""

import asyncio
from typing import Any

import pytest

from cimaise.access.oidc.provider import Metadata, Provider
from cimaise.errors import UpstreamFailed, UpstreamTimedOut
from tests.conftest import StandingClock

ISSUER = "https://id.example"
LIMIT_S = 20


class Discovered:
    """Instead of the network: counts, fails or hangs as a test wants."""

    def __init__(self) -> None:
        self.count = 0
        self.fault: Exception | None = None
        self.asked = asyncio.Event()
        self.answers = asyncio.Event()
        self.answers.set()

    async def __call__(self) -> Metadata:
        self.count += 1
        self.asked.set()
        await self.answers.wait()
        if self.fault is not None:
            raise self.fault
        return Metadata(ISSUER, f"{ISSUER}/auth", f"{ISSUER}/token", f"{ISSUER}/keys/{self.count}")


@pytest.fixture
def there() -> Discovered:
    return Discovered()


@pytest.fixture
def provider(clock: StandingClock, there: Discovered) -> Provider:
    made: Any = Provider(ISSUER, "cimaise", "secret", clock)
    made._discover = there
    provider: Provider = made
    return provider


async def test_it_is_asked_once_an_hour(
    provider: Provider, there: Discovered, clock: StandingClock
):
    first = await provider.metadata()
    clock.advance(3599)
    assert await provider.metadata() == first
    clock.advance(2)
    assert (await provider.metadata()).jwks_uri.endswith("/2")


async def test_nobody_waits_while_it_is_asked_anew(
    provider: Provider, there: Discovered, clock: StandingClock
):
    first = await provider.metadata()
    clock.advance(3601)
    there.answers.clear()
    there.asked.clear()
    asking = asyncio.create_task(provider.metadata())
    async with asyncio.timeout(LIMIT_S):
        await there.asked.wait()
        assert await provider.metadata() == first
        there.answers.set()
        assert await asking != first


async def test_one_that_is_away_is_asked_once_a_minute_and_its_last_answer_holds(
    provider: Provider, there: Discovered, clock: StandingClock
):
    first = await provider.metadata()
    clock.advance(3601)
    there.fault = UpstreamTimedOut("away")
    for _ in range(3):
        assert await provider.metadata() == first
    assert there.count == 2
    clock.advance(61)
    assert await provider.metadata() == first
    assert there.count == 3


async def test_one_that_never_answered_is_asked_every_five_seconds(
    provider: Provider, there: Discovered, clock: StandingClock
):
    there.fault = UpstreamFailed("away")
    for _ in range(3):
        with pytest.raises(UpstreamFailed, match="away"):
            await provider.metadata()
    assert there.count == 1
    clock.advance(6)
    there.fault = None
    await provider.metadata()
    assert there.count == 2
