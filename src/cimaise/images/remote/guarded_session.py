"""An HTTPS client that cannot be led to addresses that are not allowed."""

import socket
import ssl
from collections.abc import Callable, Sequence
from typing import Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from cimaise.images.remote.addresses import Network, is_allowed
from cimaise.images.remote.guarded_http import AddressRefused, Resolve

_AddressInfo = tuple[int, int, int, str, tuple[str, int] | tuple[str, int, int, int]]
_READ_BUFFER_BYTES: Final = 256 * 1024


def open_session(
    *, tls: ssl.SSLContext, exceptions: Sequence[Network], resolve: Resolve
) -> aiohttp.ClientSession:
    """A client that checks every address when resolved and again when connecting.

    It keeps no connections, cookies or names, follows no redirects by itself as long as it is not
    asked to, unpacks nothing and does not look at proxies in the environment.
    """
    connector = aiohttp.TCPConnector(
        resolver=_Resolver(resolve, exceptions),
        socket_factory=_guarded_sockets(exceptions),
        ssl=tls,
        use_dns_cache=False,
        force_close=True,
        limit=0,  # bounded by whoever fetches
    )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),
        auto_decompress=False,
        trust_env=False,
        read_bufsize=_READ_BUFFER_BYTES,
    )


class _Resolver(AbstractResolver):
    def __init__(self, resolve: Resolve, exceptions: Sequence[Network]) -> None:
        self._resolve = resolve
        self._exceptions = exceptions

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        addresses = list(dict.fromkeys(await self._resolve(host, port)))
        if not addresses:
            raise OSError("the name has no address")
        # One forbidden answer among good ones is an attack or a mistake: both end here.
        if not all(is_allowed(address, port, self._exceptions) for address in addresses):
            raise AddressRefused("the name leads to a forbidden address")
        found = [_result(host, address, port) for address in addresses]
        return [one for one in found if family in (socket.AF_UNSPEC, one["family"])]

    async def close(self) -> None:
        pass


def _result(host: str, address: str, port: int) -> ResolveResult:
    return ResolveResult(
        hostname=host,
        host=address,
        port=port,
        family=socket.AF_INET6 if ":" in address else socket.AF_INET,
        proto=socket.IPPROTO_TCP,
        flags=socket.AI_NUMERICHOST,
    )


def _guarded_sockets(exceptions: Sequence[Network]) -> Callable[[_AddressInfo], socket.socket]:
    def make(info: _AddressInfo) -> socket.socket:
        family, kind, protocol, _name, address = info
        if family not in (socket.AF_INET, socket.AF_INET6) or not is_allowed(
            str(address[0]), address[1], exceptions
        ):
            raise AddressRefused("a forbidden address")
        return socket.socket(family, kind, protocol)

    return make
