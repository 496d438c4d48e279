"""One server process: the application, uvicorn around it, and a clean end."""

import asyncio
import math
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import uvicorn

from cimaise import telemetry
from cimaise.cli.opened import build_application
from cimaise.cli.serving.lanes import file_lane, hot_lane
from cimaise.cli.serving.memory import keep_buffers, settle
from cimaise.cli.serving.pushing import pushed
from cimaise.cli.serving.tls import Certificate, note, open_certificate, renew
from cimaise.cli.serving.tracing import traced
from cimaise.server.limits import Limits
from cimaise.server.protocol import http_protocol
from cimaise.settings import Settings

if TYPE_CHECKING:
    from cimaise.access.accounts.first_start import FirstAccount

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


class ReportingServer(uvicorn.Server):
    """uvicorn that says when it accepts requests and when it begins to stop."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept, then say so."""
        settle()
        await super().startup(sockets)
        if not self.should_exit:
            self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Say so, then let running requests end within the grace time."""
        telemetry.log("server_stopping")
        await super().shutdown(sockets)


def run(
    settings: Settings,
    sockets: Sequence[socket.socket],
    *,
    on_first: Callable[["FirstAccount"], None],
    on_ready: Callable[[], None],
    stop_at_end_of: socket.socket | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT; a second SIGINT does not wait for running requests.

    Args:
        settings: All of them; the host and port are those of ``sockets``.
        sockets: Already listening.
        on_first: Told what the first start made, before requests are accepted.
        on_ready: Called when requests are accepted.
        stop_at_end_of: Where given, the server also stops when the other end of it closes.

    Raises:
        Refused: The settings name something that cannot be used.
        Unavailable: The database cannot be reached.
    """
    keep_buffers()
    certificate = open_certificate(settings)
    application = build_application(settings)
    _let_the_kernel_give_up(sockets, settings.server.write_stall)
    services = application.services
    protocol = http_protocol(_limits(settings), hot=hot_lane(services), files=file_lane(services))
    config = uvicorn.Config(application, **_options(settings, protocol, certificate))
    server = ReportingServer(config, on_ready)
    with (
        traced(settings.traces.endpoint),
        asyncio.Runner(loop_factory=config.get_loop_factory()) as runner,
        _told(server),
    ):
        if certificate is not None:
            runner.get_loop().add_signal_handler(signal.SIGHUP, renew, certificate)
            note(certificate)
        runner.run(_serve(application, server, list(sockets), on_first, stop_at_end_of))


async def _serve(
    application: Any,
    server: ReportingServer,
    sockets: list[socket.socket],
    on_first: Callable[["FirstAccount"], None],
    stop_at_end_of: socket.socket | None,
) -> None:
    if stop_at_end_of is not None:
        asyncio.get_running_loop().add_reader(stop_at_end_of, _stop, server)
    metrics = application.services.operation.metrics_text
    try:
        on_first(await application.start())
        async with pushed(application.services.settings, metrics.get):
            await server.serve(sockets=sockets)
    finally:
        await application.stop()


def _options(
    settings: Settings, protocol: type[asyncio.Protocol], certificate: Certificate | None
) -> dict[str, Any]:
    """What uvicorn is told. Its own log lines go the way of every library's."""
    return {
        **_tls_options(settings, certificate),
        "loop": "auto",
        "http": protocol,
        "ws": "none",
        "interface": "asgi3",
        "lifespan": "off",
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "proxy_headers": bool(settings.server.trusted_proxies),
        "forwarded_allow_ips": [str(network) for network in settings.server.trusted_proxies],
        "timeout_graceful_shutdown": math.ceil(settings.server.grace),
    }


def _tls_options(settings: Settings, certificate: Certificate | None) -> dict[str, Any]:
    if certificate is None:
        return {}
    lasting = f"max-age={settings.server.hsts:.0f}"
    return {
        "ssl_context_factory": lambda _config, _make: certificate.context,
        "headers": [("strict-transport-security", lasting)] if settings.server.hsts else [],
    }


def _limits(settings: Settings) -> Limits:
    server = settings.server
    return Limits(
        head_bytes=server.max_head_bytes,
        headers=server.max_headers,
        head_s=server.head_time,
        idle_s=server.keep_alive,
        body_stall_s=server.body_stall,
        write_stall_s=server.write_stall,
    )


def _let_the_kernel_give_up(sockets: Sequence[socket.socket], stall_s: float) -> None:
    """What the kernel still holds for a client that does not read is not held for ever (tcp(7)).

    Connections inherit it from the socket that listens.
    """
    for listener in sockets:
        if listener.family != socket.AF_UNIX and hasattr(socket, "TCP_USER_TIMEOUT"):
            stall_ms = int(stall_s * 1000)
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, stall_ms)


def _stop(server: uvicorn.Server) -> None:
    server.should_exit = True


@contextmanager
def _told(server: uvicorn.Server) -> Iterator[None]:
    """Let signals stop the server from its first moment to its last.

    uvicorn listens to signals while it serves, and raises those that it caught once more
    afterwards, for whoever listened before it: that is this, so the process goes on to its end
    and to code 0.
    """
    before = {number: signal.signal(number, server.handle_exit) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
