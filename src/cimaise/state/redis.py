"""State of several machines: Redis 7 or Valkey, without cluster mode.

Where the server is away, rates and places are counted on this machine alone, signals are dropped,
and everything else is ``Unavailable``. After a failure it is left alone for a second, so that
requests do not wait for it one after another.
"""

import asyncio
import math
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, TypeVar

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as Broken
from redis.exceptions import RedisError

from cimaise import telemetry
from cimaise.errors import Unavailable
from cimaise.state import redis_scripts as scripts
from cimaise.state.base import MISSED, Lease, Place, Rate
from cimaise.state.local import LocalState
from cimaise.state.rates import read, require_rate
from cimaise.state.signals import Listeners, messages, require_signal
from cimaise.tasks import Forever

T = TypeVar("T")
_PREFIX: Final = "cimaise:"
_TIMEOUT_S: Final = 1.0
_LEFT_ALONE_S: Final = 1.0
_MICROSECONDS: Final = 1_000_000
_FAILURES: Final = (RedisError, OSError, TimeoutError)


class RedisState:
    """See :class:`cimaise.state.base.State`.

    Args:
        url: ``redis://``, ``rediss://`` or ``unix://``.
        spare: Counts rates and places while the server is away; closed with this.
        clock: Seconds that only go up.
        new_id: Texts that nobody can guess.

    Raises:
        ValueError: The URL is no good.
    """

    def __init__(
        self,
        url: str,
        *,
        spare: LocalState,
        clock: Callable[[], float] = time.monotonic,
        new_id: Callable[[], str] = lambda: secrets.token_hex(16),
    ) -> None:
        self._redis: Redis = Redis.from_url(
            url,
            decode_responses=True,
            socket_timeout=_TIMEOUT_S,
            socket_connect_timeout=_TIMEOUT_S,
            retry=Retry(NoBackoff(), 1, supported_errors=(Broken,)),  # it may have idled
            health_check_interval=30,
        )
        self._spare = spare
        self._clock = clock
        self._new_id = new_id
        self._away_until = 0.0
        self._is_away = False
        self._listeners = Listeners()
        self._ear = Forever("signals", self._listen)
        self._pubsub: PubSub | None = None
        self._take = self._redis.register_script(scripts.TAKE_LEASE)
        self._renew = self._redis.register_script(scripts.RENEW_LEASE)
        self._release = self._redis.register_script(scripts.RELEASE_LEASE)
        self._hit = self._redis.register_script(scripts.HIT)
        self._enter = self._redis.register_script(scripts.ENTER)

    async def _ask(self, work: Callable[[], Awaitable[T]]) -> T:
        """Ask the server; ``Unavailable`` where it is away, or was a moment ago."""
        if self._clock() < self._away_until:
            raise Unavailable("The shared state cannot be reached.")
        try:
            answer = await work()
        except _FAILURES as fault:
            self._note_away(fault)
            raise Unavailable("The shared state cannot be reached.") from fault
        self._note_back()
        return answer

    def _note_away(self, fault: Exception) -> None:
        self._away_until = self._clock() + _LEFT_ALONE_S
        if not self._is_away:
            self._is_away = True
            telemetry.level("state_away", 1)
            telemetry.log("state_away", level="error", message=str(fault))

    def _note_back(self) -> None:
        if self._is_away:
            self._is_away = False
            telemetry.level("state_away", 0)
            telemetry.log("state_back")

    async def take_lease(self, name: str, *, ttl_s: float) -> Lease | None:
        """See the protocol."""
        keys = [f"{_PREFIX}lease:{name}", f"{_PREFIX}fence"]
        token = await self._ask(lambda: self._take(keys=keys, args=[_ms(ttl_s)]))
        return Lease(name, int(token)) if token else None

    async def renew_lease(self, lease: Lease, *, ttl_s: float) -> bool:
        """See the protocol."""
        keys, args = [f"{_PREFIX}lease:{lease.name}"], [lease.token, _ms(ttl_s)]
        return bool(await self._ask(lambda: self._renew(keys=keys, args=args)))

    async def release_lease(self, lease: Lease) -> None:
        """See the protocol."""
        keys = [f"{_PREFIX}lease:{lease.name}"]
        await self._ask(lambda: self._release(keys=keys, args=[lease.token]))

    async def hit(self, key: str, *, limit: int, window_s: float, amount: int = 1) -> Rate:
        """See the protocol."""
        require_rate(limit, window_s, amount)
        window = window_s * _MICROSECONDS
        args = [f"{window:.0f}", f"{amount * window / limit:.0f}"]
        keys = [f"{_PREFIX}rate:{key}"]
        try:
            allowed, ahead, wait = await self._ask(lambda: self._hit(keys=keys, args=args))
        except Unavailable:
            return await self._spare.hit(key, limit=limit, window_s=window_s, amount=amount)
        return read(
            ahead_s=int(ahead) / _MICROSECONDS,
            wait_s=int(wait) / _MICROSECONDS,
            is_allowed=bool(allowed),
            limit=limit,
            window_s=window_s,
        )

    async def enter(self, key: str, *, limit: int, ttl_s: float) -> Place | None:
        """See the protocol."""
        place = Place(key, self._new_id())
        keys = [f"{_PREFIX}places:{key}"]
        try:
            entered = await self._ask(
                lambda: self._enter(keys=keys, args=[place.id, limit, _ms(ttl_s)])
            )
        except Unavailable:
            own = await self._spare.enter(key, limit=limit, ttl_s=ttl_s)
            return None if own is None else Place(own.key, own.id, is_own=True)
        return place if entered else None

    async def leave(self, place: Place) -> None:
        """See the protocol. A place that cannot be given back now ends by itself."""
        if place.is_own:
            await self._spare.leave(place)
            return
        with suppress(Unavailable):
            await self._ask(lambda: self._redis.zrem(f"{_PREFIX}places:{place.key}", place.id))

    async def publish(self, channel: str, message: str) -> None:
        """See the protocol. Where the server is away, only this process hears it."""
        require_signal(channel, message)
        try:
            await self._ask(lambda: self._redis.publish(_PREFIX + channel, message))
        except Unavailable:
            self._listeners.tell(channel, message)

    @asynccontextmanager
    async def subscribe(self, channel: str) -> AsyncIterator[AsyncIterator[str]]:
        """See the protocol. Entered also where the server is away: it is listened to later."""
        with self._listeners.added(channel) as queue:
            self._ear.start()
            if self._pubsub is not None:
                with suppress(*_FAILURES):  # or else the ear connects anew, with all channels
                    await self._pubsub.subscribe(_PREFIX + channel)
            yield messages(queue)

    async def _listen(self) -> None:
        """Hear all channels of this process until the connection breaks; then say that it did."""
        try:
            async with self._redis.pubsub() as pubsub:
                await self._hear(pubsub)
        except _FAILURES as fault:
            self._note_away(fault)
        finally:
            self._pubsub = None
            self._listeners.tell_all(MISSED)
        await asyncio.sleep(_LEFT_ALONE_S)

    async def _hear(self, pubsub: PubSub) -> None:
        """Until the connection breaks. The client subscribes anew where it connects anew."""
        heard_of: set[str] = set()
        while new := set(self._listeners.channels) - heard_of:  # also those who come meanwhile
            await pubsub.subscribe(*(_PREFIX + name for name in new))
            heard_of |= new
        if not heard_of:  # whoever listened is gone
            return
        self._pubsub = pubsub
        while True:
            heard: dict[str, Any] | None = await pubsub.get_message(timeout=_TIMEOUT_S)
            if heard is None:
                continue
            channel = heard["channel"].removeprefix(_PREFIX)
            if heard["type"] == "message":
                self._listeners.tell(channel, heard["data"])
            elif heard["type"] == "subscribe":
                self._listeners.tell(channel, MISSED)  # what was said before this moment

    async def get(self, key: str) -> str | None:
        """See the protocol."""
        value = await self._ask(lambda: self._redis.get(f"{_PREFIX}value:{key}"))
        return None if value is None else str(value)

    async def put(self, key: str, value: str, *, ttl_s: float) -> None:
        """See the protocol."""
        await self._ask(lambda: self._redis.set(f"{_PREFIX}value:{key}", value, px=_ms(ttl_s)))

    async def check(self) -> None:
        """See the protocol."""
        await self._ask(self._redis.ping)

    async def close(self) -> None:
        """See the protocol."""
        await self._ear.stop()
        await self._redis.aclose()
        await self._spare.close()


def _ms(seconds: float) -> int:
    """Whole milliseconds, at least one."""
    return max(1, math.ceil(seconds * 1000))
