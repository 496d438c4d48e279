"""Short questions to other servers: JSON back, within a time and a size, or one of two errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from cimaise.errors import UpstreamFailed, UpstreamTimedOut

TIMEOUT_S: Final = 10.0
_MAX_BYTES: Final = 256 * 1024
_SERVER_FAULT: Final = 500


async def ask(
    url: str,
    *,
    whom: str,
    form: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    timeout_s: float = TIMEOUT_S,
) -> tuple[int, dict[str, Any]]:
    """Status and JSON object of an answer; no redirects, no cookies, no proxy.

    Args:
        url: Absolute.
        whom: For the sentence of an error, such as ``"The challenge's server"``.
        form: Sent by POST; ``None``: a GET.
        headers: Further ones.
        timeout_s: For all of it.

    Raises:
        UpstreamFailed: Away, an answer that is no JSON object, longer than 256 KiB, or a 5xx.
        UpstreamTimedOut: No answer in time.
    """
    import aiohttp  # noqa: PLC0415 (loaded by those who need it: 9 MB)

    try:
        status, body = await exchange(url, form, headers, timeout_s)
        answer = msgspec.json.decode(body, type=dict[str, Any])
    except TimeoutError as fault:
        raise UpstreamTimedOut(f"{whom} did not answer in time.") from fault
    except (aiohttp.ClientError, OSError, ValueError, RecursionError) as fault:
        raise UpstreamFailed(f"{whom} failed.") from fault
    if status >= _SERVER_FAULT:
        raise UpstreamFailed(f"{whom} failed.")
    return status, answer


async def exchange(
    url: str,
    form: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    timeout_s: float = TIMEOUT_S,
) -> tuple[int, bytes]:
    """Status and body of an answer, as :func:`ask` asks; the client's own errors come through.

    ``ValueError`` where the body is longer than 256 KiB.
    """
    import aiohttp  # noqa: PLC0415 (loaded by those who need it: 9 MB)

    timeout = aiohttp.ClientTimeout(total=timeout_s)
    method = "GET" if form is None else "POST"
    accepted = {"accept": "application/json", **(headers or {})}
    async with (
        aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as client,
        client.request(
            method,
            url,
            data=None if form is None else dict(form),
            headers=accepted,
            allow_redirects=False,
        ) as answer,
    ):
        body = bytearray()
        async for chunk in answer.content.iter_chunked(16 * 1024):
            body += chunk
            if len(body) > _MAX_BYTES:
                raise ValueError("too long")
        return answer.status, bytes(body)
