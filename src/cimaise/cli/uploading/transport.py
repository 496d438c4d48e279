"""One request, tried again while trying again makes sense."""

import asyncio
import email.utils
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from cimaise.errors import UpstreamFailed

ATTEMPTS: Final = 8
STALL_S: Final = 120.0
"""Longest time without a byte going out, or for the answer after the last one."""

Body = bytes | Callable[[], AsyncIterator[bytes]]
"""Whole, or a function that begins it again for every attempt."""

_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 30.0
_LONGEST_ASKED_S: Final = 300.0
_MOST_ANSWER_BYTES: Final = 8 * 1024 * 1024
_AGAIN: Final = frozenset({408, 429})
_SERVER_FAULT: Final = 500


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers (names in any case) and body of an answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport:
    """Requests with patience. ``rest``, ``chance`` (0 to 1) and ``attempts`` are for tests."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        rest: Callable[[float], Awaitable[object]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
        attempts: int = ATTEMPTS,
    ) -> None:
        self._session = session
        self._rest = rest
        self._chance = chance
        self._attempts = attempts

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: Body | None = None,
        before_each: Callable[[], None] = lambda: None,
        wait_s: float = STALL_S,
    ) -> Answer:
        """The answer; after network failures, 5xx, 408 and 429 the request is sent again.

        Between attempts it rests 0.5 to 30 s, doubling, with jitter, or as long as
        ``Retry-After`` asks (at most 5 minutes). Redirects are not followed.

        Args:
            method: Of HTTP.
            url: Absolute.
            headers: With ``Content-Length`` where the body is not whole.
            body: What is sent.
            before_each: Called before each attempt; what it raises ends the call.
            wait_s: Longest time without any progress.

        Raises:
            UpstreamFailed: Nobody answered, however often it was tried.
        """
        for attempt in range(self._attempts):
            before_each()
            last = attempt == self._attempts - 1
            asked_s = 0.0
            try:
                answer = await self._once(method, url, headers, body, wait_s)
            except (aiohttp.ClientError, TimeoutError, OSError) as fault:
                before_each()
                if last:
                    raise _unreachable(url, fault) from fault
            else:
                if last or not _is_passing(answer.status):
                    return answer
                asked_s = retry_after_s(answer.headers.get("Retry-After"), datetime.now(UTC))
            await self._rest(self._pause_s(attempt, asked_s))
        raise AssertionError("the last attempt returns or raises")

    def _pause_s(self, attempt: int, asked_s: float) -> float:
        longest: float = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0**attempt)
        return max(longest * (0.5 + self._chance() / 2), min(asked_s, _LONGEST_ASKED_S))

    async def _once(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Body | None,
        wait_s: float,
    ) -> Answer:
        async with asyncio.timeout(wait_s) as limit:
            data = _watched(body(), limit, wait_s) if callable(body) else body
            async with self._session.request(
                method, url, headers=headers, data=data, allow_redirects=False
            ) as reply:
                content = await reply.content.read(_MOST_ANSWER_BYTES)
                return Answer(reply.status, reply.headers, content)


async def _watched(
    chunks: AsyncIterator[bytes], limit: asyncio.Timeout, wait_s: float
) -> AsyncIterator[bytes]:
    """The chunks; each that has gone out moves the limit on."""
    loop = asyncio.get_running_loop()
    async for chunk in chunks:
        yield chunk
        limit.reschedule(loop.time() + wait_s)


def _is_passing(status: int) -> bool:
    return status >= _SERVER_FAULT or status in _AGAIN


def _unreachable(url: str, fault: BaseException) -> UpstreamFailed:
    host = urlsplit(url).netloc
    reason = str(fault) or ("no answer in time" if isinstance(fault, TimeoutError) else "")
    return UpstreamFailed(f"{host} cannot be reached: {reason or type(fault).__name__}.")


def retry_after_s(text: str | None, now: datetime) -> float:
    """``Retry-After`` as seconds from ``now`` (RFC 9110 §10.2.3); 0 where there is none."""
    if text is None:
        return 0.0
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    if moment.tzinfo is None:  # "-0000": a time whose zone is not told is UTC
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())
