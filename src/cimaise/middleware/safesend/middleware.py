"""The middleware: its arguments, and which scopes it looks after."""

import logging
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from cimaise.middleware.safesend.answers import DeadlineResponse, plain_answer
from cimaise.middleware.safesend.asgi import ASGIApp, CallLater, Receive, Scope, Send
from cimaise.middleware.safesend.durations import parse_duration
from cimaise.middleware.safesend.exchange import Exchange, Rules
from cimaise.middleware.safesend.handlers import SCOPE_KEY
from cimaise.middleware.safesend.reports import OnLate, Reports
from cimaise.middleware.safesend.wire import Reason

_LOGGER: Final = logging.getLogger("cimaise.middleware.safesend")


class SafeSendMiddleware:
    """At most one response a request, whole or visibly broken, whatever the handler does.

    **Deadline.** Where no ``http.response.start`` comes within ``timeout``, the client gets 503.
    A response that has begun is never cut by it: transfers take as long as they take. The clock
    decides, also where the loop was held up and the timer comes late.

    **Late messages** are ignored and reported, never raised into the handler: after the answer is
    whole, after the deadline's answer, after the client has gone (as soon as ``receive`` has said
    so), after a second start. A ``send`` that the server itself fails with ``OSError`` raises
    that once, because frameworks stop a stream by it; what follows is ignored. What is ignored
    yields to the event loop, so a cancellation reaches a handler that does nothing but send.

    **Half-sent responses.** A body that ends before its ``Content-Length`` raises
    ``IncompleteResponse`` into the handler; a handler that returns before its response is whole
    has it raised behind it; what the handler raises after the start passes on. In each case the
    exception leaves the application, and the server cuts the connection: no last chunk is ever
    sent for it. uvicorn cuts by ``transport.close()``, which first flushes what it holds: the
    connection of a reader that has stopped reading stays until it reads or goes, unless the
    protocol class aborts it. Bytes past ``Content-Length`` are cut and reported.

    **Late work** is cancelled after the deadline (``asyncio.CancelledError`` in the handler). What
    it raises after that is logged, and does not reach the server, which would cut a connection
    that may carry the next request. Work in threads cannot be cancelled, only left alone.

    Keep Starlette's ``BaseHTTPMiddleware`` out of what is inside: it ends a chunked body cleanly
    when the stream behind it fails, and nobody further out can see that.

    Args:
        app: The application.
        timeout: ``"10s"``, ``"500ms"``, ``"2m"``, seconds, or ``None`` for no deadline.
        on_late: Called with a :class:`LateSend` for every ignored message; may be a coroutine
            function, which then runs beside the request. Its failures are logged.
        proxy_mode: Guard every ``send``. ``False`` leaves the handlers' ``send`` as it is, so that
            its errors are the server's; the deadline holds all the same, and handlers that want
            the rest use :func:`safe_send` and :func:`safe_json`.
        cancel: Cancel the handler when the deadline has passed. ``False`` lets it run on.
        exempt: Requests for which there is no deadline, asked once before the application.
        deadline_response: Status, headers and body in place of the plain 503; is given the scope
            as the middleware got it. Where it fails, that is logged and the plain 503 goes out.
        logger: Gets one line a late send (WARNING for the first of a request, DEBUG for more) and
            one a deadline; ``None`` for silence.
        clock: Monotonic seconds.
        call_later: Runs a function after so many seconds; the running loop's where ``None``.

    Raises:
        ValueError: ``timeout`` is no duration.
        TypeError: ``timeout`` is neither text nor number.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        timeout: str | float | None = "10s",
        on_late: OnLate | None = None,
        proxy_mode: bool = True,
        cancel: bool = True,
        exempt: Callable[[Scope], bool] | None = None,
        deadline_response: DeadlineResponse | None = None,
        logger: logging.Logger | None = _LOGGER,
        clock: Callable[[], float] = time.monotonic,
        call_later: CallLater | None = None,
    ) -> None:
        self._app = app
        self._reports = Reports(on_late, logger)
        self._rules = Rules(
            timeout_s=parse_duration(timeout),
            is_guarding=proxy_mode,
            is_cancelling=cancel,
            exempt=exempt,
            deadline_response=deadline_response or plain_answer,
            reports=self._reports,
            clock=clock,
            call_later=call_later,
        )

    @property
    def late_counts(self) -> Mapping[Reason, int]:
        """Ignored messages since the start, by reason; a live view."""
        return MappingProxyType(self._reports.late_counts)

    @property
    def deadline_count(self) -> int:
        """Time-out answers since the start."""
        return self._reports.deadline_count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application; ``websocket`` and ``lifespan`` pass through untouched."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = Exchange(self._rules, scope, receive, send)
        await exchange.run(self._app, {**scope, SCOPE_KEY: exchange})
