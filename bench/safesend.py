"""What SafeSend costs a message and a request: ``python bench/safesend.py [--json FILE]``.

A bare application answers into a send that does nothing, with and without the middleware, in
turns in one process; the best of the rounds counts, because noise only ever adds.
"""

import argparse
import asyncio
import json
import os
import platform
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvloop

from cimaise.middleware.safesend import SafeSendMiddleware

Message = MutableMapping[str, Any]
App = Callable[..., Awaitable[None]]

ROUNDS = 15
REQUESTS = 4_000
BODY_MESSAGES = 20_000
ALLOWED_US = 2.0
SCOPE: dict[str, Any] = {
    "type": "http",
    "asgi": {"version": "3.0", "spec_version": "2.3"},
    "http_version": "1.1",
    "method": "GET",
    "scheme": "http",
    "path": "/albums/1",
    "raw_path": b"/albums/1",
    "query_string": b"",
    "root_path": "",
    "headers": [(b"host", b"localhost")],
    "client": ("127.0.0.1", 4000),
    "server": ("127.0.0.1", 3023),
    "state": {},
}
SMALL_START: Message = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"application/json"), (b"content-length", b"64")],
}
SMALL_BODY: Message = {"type": "http.response.body", "body": b"x" * 64, "more_body": False}
LONG_START: Message = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-length", str(64 * BODY_MESSAGES).encode())],
}
CHUNK: Message = {"type": "http.response.body", "body": b"x" * 64, "more_body": True}
END: Message = {"type": "http.response.body", "body": b"", "more_body": False}


async def small(_scope: Any, _receive: Any, send: Any) -> None:
    """A JSON answer: two messages."""
    await send(SMALL_START)
    await send(SMALL_BODY)


async def long(_scope: Any, _receive: Any, send: Any) -> None:
    """A streamed answer: very many messages."""
    await send(LONG_START)
    for _ in range(BODY_MESSAGES):
        await send(CHUNK)
    await send(END)


async def receive() -> Message:
    """An empty request."""
    return {"type": "http.request", "body": b"", "more_body": False}


async def swallow(_message: Message) -> None:
    """The server's part, as cheap as it can be."""


async def seconds_for(app: App, requests: int) -> float:
    """Time of so many requests, one after the other."""
    begun = time.perf_counter()
    for _ in range(requests):
        await app(SCOPE, receive, swallow)
    return time.perf_counter() - begun


async def best_of(app: App, requests: int) -> tuple[float, float]:
    """Best seconds without and with the middleware."""
    guarded = SafeSendMiddleware(app, timeout="10s")
    without, with_it = [], []
    for _ in range(ROUNDS):
        without.append(await seconds_for(app, requests))
        with_it.append(await seconds_for(guarded, requests))
    return min(without), min(with_it)


@dataclass(frozen=True)
class Cost:
    """Microseconds that SafeSend adds, and what the same took without it."""

    message_us: float
    plain_message_us: float
    request_us: float
    plain_request_us: float


async def measure() -> Cost:
    """Both measures on the running loop."""
    plain, guarded = await best_of(long, 1)
    messages = BODY_MESSAGES + 2
    small_plain, small_guarded = await best_of(small, REQUESTS)
    return Cost(
        (guarded - plain) / messages * 1e6,
        plain / messages * 1e6,
        (small_guarded - small_plain) / REQUESTS * 1e6,
        small_plain / REQUESTS * 1e6,
    )


def main() -> None:
    """Measure on both loops, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    costs = {"asyncio": asyncio.run(measure())}
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        costs["uvloop"] = runner.run(measure())
    for name, cost in costs.items():
        print(
            f"{name:8} a message: +{cost.message_us:.2f} us; a request: +{cost.request_us:.2f} us"
        )
    is_cheap = all(cost.message_us <= ALLOWED_US for cost in costs.values())
    print(f"at most {ALLOWED_US} us a message: {'yes' if is_cheap else 'NO'}")
    if arguments.json:
        facts = {
            "at": datetime.now(UTC).isoformat(),
            "load": os.getloadavg(),
            "python": platform.python_version(),
            "best_of_rounds": ROUNDS,
            "costs": {name: asdict(cost) for name, cost in costs.items()},
        }
        arguments.json.write_text(json.dumps(facts, indent=2) + "\n")
    raise SystemExit(0 if is_cheap else 1)


if __name__ == "__main__":
    main()
