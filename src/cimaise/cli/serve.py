"""``cimaise serve``: the server."""

import asyncio
import os
import shutil
import socket
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Final

import click

from cimaise import telemetry
from cimaise.cli.options import common, load_settings
from cimaise.settings import Settings

_MEMORY: Final = Path("/dev") / "shm"


@click.command()
@click.option("--host", metavar="HOST", help="Address to listen on (CIMAISE_SERVER_HOST).")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="Port to listen on; 0 takes a free one (CIMAISE_SERVER_PORT).",
)
@click.option(
    "--workers", type=click.IntRange(1, 64), help="Server processes (CIMAISE_SERVER_WORKERS)."
)
@click.option(
    "--tls-certificate",
    metavar="FILE",
    help="PEM file of the certificate and its chain (CIMAISE_SERVER_TLS_CERTIFICATE).",
)
@click.option(
    "--tls-key", metavar="FILE", help="PEM file of the certificate's key (CIMAISE_SERVER_TLS_KEY)."
)
@common
def serve(
    *,
    host: str | None,
    port: int | None,
    workers: int | None,
    tls_certificate: str | None,
    tls_key: str | None,
    data_dir: str | None,
    config: Path | None,
) -> None:
    """Run the server.

    The first start on an empty data folder makes everything ready and prints a link to sign in
    with, once. SIGTERM or Ctrl-C: no new requests, running ones end within a grace time
    (CIMAISE_SERVER_GRACE), exit code 0; a second Ctrl-C does not wait for them. SIGHUP: the
    certificate is read again, for connections that begin from then on.
    """
    given = {
        ("server", "host"): host,
        ("server", "port"): port,
        ("server", "workers"): workers,
        ("server", "tls_certificate"): tls_certificate,
        ("server", "tls_key"): tls_key,
    }
    settings = load_settings(config, data_dir, given).settings
    from cimaise.cli.serving.listener import listen
    from cimaise.cli.serving.tls import open_certificate

    open_certificate(settings)  # a fault of it is told before anything is made

    with ExitStack() as opened:
        sockets = [
            opened.enter_context(listener)
            for listener in listen(settings.server.host, settings.server.port)
        ]
        bound = {**given, ("server", "port"): sockets[0].getsockname()[1]}
        settings = load_settings(config, data_dir, bound).settings
        telemetry.configure_logging(level=settings.log.level, form=settings.log.format)
        _serve(settings, sockets)


def _serve(settings: Settings, sockets: Sequence[socket.socket]) -> None:
    """One process, or several that one watches."""
    from cimaise.cli.serving.announcement import announce_first, announce_ready

    on_ready = partial(announce_ready, settings)
    if settings.server.workers == 1:
        from cimaise.cli.serving.process import run

        run(settings, sockets, on_first=partial(announce_first, settings), on_ready=on_ready)
        return
    from cimaise.cli.serving.workers import Watch, Worker
    from cimaise.telemetry import metrics

    asyncio.run(_prepare(settings))
    values = metrics.share(*_places_of_metrics(settings.data.dir.absolute()))
    watch = Watch(
        lambda: Worker(settings, sockets),
        on_ready=on_ready,
        on_stop=partial(_close, sockets),
        renews=bool(settings.server.tls_certificate),
    )
    try:
        watch.run(settings.server.workers)
    finally:
        shutil.rmtree(values, ignore_errors=True)


def _places_of_metrics(data_dir: Path) -> tuple[Path, Path]:
    """Memory, where the system has a folder for that; otherwise the data folder.

    Others may write in the first one too. Who guesses the name and is there before us cannot be
    removed, so the second place is taken: a folder is only used that was made anew.
    """
    name = blake2b(bytes(data_dir), digest_size=8).hexdigest()
    return _MEMORY / f"cimaise-{os.geteuid()}-{name}", data_dir / "state" / "metrics"


def _close(sockets: Sequence[socket.socket]) -> None:
    for listener in sockets:
        listener.close()


async def _prepare(settings: Settings) -> None:
    """Make the first account here, so that its link is printed once; then close everything."""
    from cimaise.cli.opened import build_application
    from cimaise.cli.serving.announcement import announce_first

    application = build_application(settings)
    try:
        announce_first(settings, await application.start(with_jobs=False))
    finally:
        await application.stop()
