"""An application that goes wrong in every way there is, by path, with SafeSend around it."""

import asyncio
from typing import Any

from cimaise.middleware.safesend import SafeSendMiddleware

BODY = b"0123456789"


def start(*headers: tuple[bytes, bytes], length: int | None = None) -> dict[str, Any]:
    declared = [] if length is None else [(b"content-length", str(length).encode())]
    return {"type": "http.response.start", "status": 200, "headers": [*headers, *declared]}


def body(text: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": text, "more_body": more}


async def whole(scope: Any, receive: Any, send: Any) -> None:
    await send(start(length=10))
    await send(body(BODY))


async def raises_with_length(scope: Any, receive: Any, send: Any) -> None:
    await send(start(length=20))
    await send(body(BODY, more=True))
    raise RuntimeError("on purpose")


async def raises_in_chunks(scope: Any, receive: Any, send: Any) -> None:
    await send(start())
    await send(body(BODY, more=True))
    raise RuntimeError("on purpose")


async def raises_before_body(scope: Any, receive: Any, send: Any) -> None:
    await send(start(length=10))
    raise RuntimeError("on purpose")


async def raises_at_once(scope: Any, receive: Any, send: Any) -> None:
    raise RuntimeError("on purpose")


async def too_short(scope: Any, receive: Any, send: Any) -> None:
    await send(start(length=20))
    await send(body(BODY))


async def too_long(scope: Any, receive: Any, send: Any) -> None:
    await send(start(length=4))
    await send(body(BODY))


async def starts_twice(scope: Any, receive: Any, send: Any) -> None:
    await send(start(length=10))
    await send({**start(length=3), "status": 500})
    await send(body(BODY))


async def goes_on_after_the_end(scope: Any, receive: Any, send: Any) -> None:
    await send(start(length=10))
    await send(body(BODY))
    await send(body(b"more"))


async def returns_in_the_middle(scope: Any, receive: Any, send: Any) -> None:
    await send(start(length=20))
    await send(body(BODY, more=True))


async def returns_in_the_middle_of_chunks(scope: Any, receive: Any, send: Any) -> None:
    await send(start())
    await send(body(BODY, more=True))


async def breaks_a_line(scope: Any, receive: Any, send: Any) -> None:
    await send(start((b"x-name", b"a\r\nx-evil: 1"), length=10))
    await send(body(BODY))


async def is_cancelled(scope: Any, receive: Any, send: Any) -> None:
    await send(start(length=20))
    await send(body(BODY, more=True))
    raise asyncio.CancelledError


async def counts(scope: Any, receive: Any, send: Any) -> None:
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    text = str(size).encode()
    await send(start(length=len(text)))
    await send(body(text))


CASES = {
    f"/{case.__name__}": case
    for case in (
        whole,
        raises_with_length,
        raises_in_chunks,
        raises_before_body,
        raises_at_once,
        too_short,
        too_long,
        starts_twice,
        goes_on_after_the_end,
        returns_in_the_middle,
        returns_in_the_middle_of_chunks,
        breaks_a_line,
        is_cancelled,
        counts,
    )
}


async def choose(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        await CASES[scope["path"]](scope, receive, send)


app = SafeSendMiddleware(choose, timeout="5s")
