"""Names of other servers, and what is said of addresses that are not allowed."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host name and port to numeric addresses; raises ``OSError`` where there are none."""


class AddressRefused(OSError):
    """An address that may not be connected to. An OSError, so that it passes through the client."""


async def resolve_by_system(host: str, port: int) -> Sequence[str]:
    """Ask the system's resolver."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


def is_refusal(fault: BaseException) -> bool:
    """Whether a client's error came from a refused address."""
    seen: BaseException | None = fault
    while seen is not None:
        if isinstance(seen, AddressRefused):
            return True
        seen = seen.__cause__ or seen.__context__
    return False
