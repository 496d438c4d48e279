"""The same badly behaved handlers in three frameworks, behind SafeSend, for servers to load by name.

``uvicorn tests.kit.safesend_apps:bare`` and so on. Only what waits on purpose has a deadline: a busy
machine may delay the rest.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path as django_path
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from cimaise.middleware.safesend import LateSend, SafeSendMiddleware

TIMEOUT = "200ms"
LATE_S = 0.6
WITH_DEADLINE = ("/slow", "/late")


def guarded(app: Any) -> Any:
    """Behind SafeSend; ``/late`` runs on after its deadline, so that its sends are seen."""
    late: list[LateSend] = []

    def has_none(scope: Any) -> bool:
        return scope["path"] not in WITH_DEADLINE

    cancels = SafeSendMiddleware(app, timeout=TIMEOUT, exempt=has_none, on_late=late.append)
    runs_on = SafeSendMiddleware(
        app, timeout=TIMEOUT, exempt=has_none, on_late=late.append, cancel=False
    )

    async def door(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"] == "/reports":
            found = [[event.reason, event.path, event.message_type] for event in late]
            await _answer(send, json.dumps(found).encode())
            return
        await (runs_on if scope.get("path") == "/late" else cancels)(scope, receive, send)

    return door


async def _answer(send: Any, body: bytes) -> None:
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _start(send: Any, length: int | None = None) -> None:
    headers = [] if length is None else [(b"content-length", str(length).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})


async def _never() -> None:
    await asyncio.Event().wait()


async def _bare(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
        return
    match scope["path"]:
        case "/slow":
            await _never()
        case "/late":
            await asyncio.sleep(LATE_S)
            await _answer(send, b"LATE")
        case "/short":
            await _start(send, 10)
            await send({"type": "http.response.body", "body": b"short", "more_body": True})
        case "/long":
            await _start(send, 5)
            await send({"type": "http.response.body", "body": b"helloEXCESS"})
        case "/breaks":
            await _start(send)
            await send({"type": "http.response.body", "body": b"some", "more_body": True})
            await asyncio.sleep(0.05)
            raise RuntimeError("broken on purpose")
        case "/twice":
            await _answer(send, b"first")
            await _answer(send, b"second")
        case "/raises":
            raise RuntimeError("broken on purpose")
        case _:
            await _answer(send, b"hello")


async def _lifespan(receive: Any, send: Any) -> None:
    while True:
        kind = (await receive())["type"]
        await send({"type": f"{kind}.complete"})
        if kind == "lifespan.shutdown":
            return


async def _pieces(*pieces: bytes, breaks: bool = False) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
    if breaks:
        await asyncio.sleep(0.05)
        raise RuntimeError("broken on purpose")


async def _starlette(request: Request) -> Response:
    match request.url.path:
        case "/slow":
            await _never()
        case "/late":
            await asyncio.sleep(LATE_S)
            return PlainTextResponse("LATE")
        case "/short":
            return StreamingResponse(_pieces(b"short"), headers={"content-length": "10"})
        case "/long":
            return StreamingResponse(_pieces(b"helloEXCESS"), headers={"content-length": "5"})
        case "/breaks":
            return StreamingResponse(_pieces(b"some", breaks=True))
        case "/raises":
            raise RuntimeError("broken on purpose")
    return PlainTextResponse("hello")


async def _sorry(_request: Request, _fault: Exception) -> Response:
    return JSONResponse({"error": "ours"}, status_code=500)


async def _django(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    match request.path:
        case "/slow":
            await _never()
        case "/late":
            await asyncio.sleep(LATE_S)
            return HttpResponse("LATE")
        case "/short":
            return StreamingHttpResponse(_pieces(b"short"), headers={"Content-Length": "10"})
        case "/long":
            return StreamingHttpResponse(_pieces(b"helloEXCESS"), headers={"Content-Length": "5"})
        case "/breaks":
            return StreamingHttpResponse(_pieces(b"some", breaks=True))
        case "/raises":
            raise RuntimeError("broken on purpose")
    return HttpResponse("hello")


def handler500(_request: HttpRequest) -> HttpResponse:
    """What Django answers where a view raised."""
    return JsonResponse({"error": "ours"}, status=500)


if not settings.configured:
    settings.configure(
        ROOT_URLCONF=__name__, SECRET_KEY="of the tests", ALLOWED_HOSTS=["*"], LOGGING_CONFIG=None
    )
    django.setup()


async def _with_path(request: HttpRequest, _path: str) -> HttpResponse | StreamingHttpResponse:
    return await _django(request)


urlpatterns = [django_path("<path:_path>", _with_path)]

bare = guarded(_bare)
starlette = guarded(
    Starlette(routes=[Route("/{path:path}", _starlette)], exception_handlers={Exception: _sorry})
)
django_application = guarded(get_asgi_application())
