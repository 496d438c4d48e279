"""Sockets that listen before anything else is made, so that a taken port is known at once."""

import errno
import socket
from contextlib import ExitStack
from typing import Final

from cimaise.cli.refusal import Refused

BACKLOG: Final = 2048
_Address = tuple[socket.AddressFamily, str]


def listen(host: str, port: int) -> list[socket.socket]:
    """Listening sockets for every address of ``host``; port 0 takes one free port for all.

    Raises:
        Refused: The port is taken or not allowed, or the host has no address of this machine.
    """
    addresses = _addresses(host, port)
    with ExitStack() as opened:
        sockets: list[socket.socket] = []
        for family, address in addresses:
            chosen = port or (sockets[0].getsockname()[1] if sockets else 0)
            try:
                listener = opened.enter_context(socket.socket(family, socket.SOCK_STREAM))
                _listen(listener, address, chosen, both=len(addresses) == 1)
            except OSError as fault:
                if fault.errno in _ABSENT:
                    continue
                raise _refusal(host, chosen, fault) from fault
            sockets.append(listener)
        if not sockets:
            raise Refused(f"Cannot listen on {host}: it is no address of this machine.")
        opened.pop_all()
        return sockets


_ABSENT: Final = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


def _addresses(host: str, port: int) -> list[_Address]:
    try:
        found = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (socket.gaierror, UnicodeError) as fault:
        raise Refused(f"Cannot listen on {host}: no such host.") from fault
    return list(dict.fromkeys((family, str(address[0])) for family, _, _, _, address in found))


def _listen(listener: socket.socket, address: str, port: int, *, both: bool) -> None:
    """Bind and listen; ``both`` lets ``::`` alone take IPv4 connections too."""
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if listener.family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if both else 1)
    listener.bind((address, port))
    listener.listen(BACKLOG)
    listener.setblocking(False)  # noqa: FBT003 (the name says it)


def _refusal(host: str, port: int, fault: OSError) -> Refused:
    if fault.errno == errno.EADDRINUSE:
        return Refused(
            f"Port {port} of {host} is in use: stop what listens there, or choose --port."
        )
    return Refused(f"Cannot listen on port {port} of {host}: {fault.strerror}.")
