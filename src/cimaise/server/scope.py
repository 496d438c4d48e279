"""What an application is told of a request (ASGI 3.0, HTTP 2.3)."""

import asyncio

from uvicorn.config import Config

from cimaise.server.exchange import PATHSEND, UNSENT, ZEROCOPY, Scope
from cimaise.server.receive import TRAILERS
from cimaise.server.requests import Request

Address = tuple[str, int | None] | None


def http_scope(
    request: Request,
    config: Config,
    *,
    client: Address,
    server: Address,
    is_tls: bool,
) -> Scope:
    """The scope, without ``state``; bytes of files can be handed over only where nobody encrypts.

    Args:
        request: Its head.
        config: uvicorn's; of it the root path and the version are used.
        client: Where it comes from.
        server: Where it came to.
        is_tls: The connection is encrypted.
    """
    path, raw_path, query = request.split_target()
    root_path = config.root_path
    return {
        "type": "http",
        "asgi": {"version": config.asgi_version, "spec_version": "2.3"},
        "http_version": request.version,
        "method": request.method,
        "scheme": "https" if is_tls else "http",
        "path": root_path + path,
        "raw_path": root_path.encode("ascii") + raw_path,
        "query_string": query,
        "root_path": root_path,
        "headers": request.headers,
        "server": server,
        "client": client,
        "extensions": {TRAILERS: {"fields": request.trailers}, UNSENT: {"bytes": 0}}
        | ({} if is_tls else {PATHSEND: {}, ZEROCOPY: {}}),
    }


def address_of(transport: asyncio.BaseTransport, name: str) -> Address:
    """Host and port; of a Unix socket its path and nothing."""
    found = transport.get_extra_info(name)
    if isinstance(found, tuple):
        host = str(found[0])
        if "." in host:  # IPv4 by a socket for both: RFC 4291 §2.5.5.2
            host = host.removeprefix("::ffff:")
        return host, int(found[1])
    if isinstance(found, bytes):
        found = found.decode()
    return (found, None) if found else None
