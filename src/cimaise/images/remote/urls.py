"""Addresses of remote pictures, read strictly: what two parsers could read differently is refused."""

import re
from collections.abc import Sequence
from ipaddress import IPv4Address
from typing import Final

from yarl import URL

from cimaise.errors import Malformed

_MAX_URL: Final = 4096
_UNSAFE: Final = re.compile(r"[\x00-\x20\x7f\\]|[^\x00-\x7f]")
_AUTHORITY: Final = re.compile(
    r"https://(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\.?|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?(?=[/?#]|$)",
    re.IGNORECASE,
)
_LAST_LABEL_IS_NUMBER: Final = re.compile(r"(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)\.?$", re.IGNORECASE)


def refused(why: str) -> Malformed:
    """The error for an address that will not be fetched."""
    return Malformed(f"The address of the picture is refused: {why}.", code="url_not_allowed")


def parse_remote_url(text: str, allowed_hosts: Sequence[str] = ()) -> URL:
    """Read the address of a remote picture; the fragment is dropped.

    Names outside ASCII must come as Punycode. Numeric hosts must be written as four decimal
    numbers or in brackets: ``127.1``, ``0x7f000001`` and ``2130706433`` are refused by their form
    (and what they mean is checked again when connecting).

    Args:
        text: As the client sent it, percent-decoded once.
        allowed_hosts: Host names; ``*.example.org`` or ``.example.org`` also stands for every
            name below. Empty: any.

    Raises:
        Malformed: ``url_not_allowed``.
    """
    if len(text) > _MAX_URL:
        raise refused("it is too long")
    if _UNSAFE.search(text):
        raise refused("it holds characters that must be percent-encoded")
    if not text[:8].lower() == "https://":
        raise refused("only https is fetched")
    if not _AUTHORITY.match(text):
        raise refused("its host is not valid, or it holds a user name")
    try:
        url = URL(text).with_fragment(None)
        host, _port = url.host, url.port
    except ValueError:
        raise refused("it is no valid URL") from None
    if not host or url.user is not None or url.password is not None:
        raise refused("its host is not valid")
    _require_host(host, allowed_hosts)
    return url


def _require_host(host: str, allowed_hosts: Sequence[str]) -> None:
    if _LAST_LABEL_IS_NUMBER.search(host) and not _is_dotted(host):
        raise refused("its host is a number in disguise")
    name = host.lower().rstrip(".")
    if allowed_hosts and not any(_matches(name, allowed.lower()) for allowed in allowed_hosts):
        raise refused("its host is not among the allowed ones")


def _is_dotted(host: str) -> bool:
    try:  # this reader takes neither leading zeros nor fewer than four numbers
        IPv4Address(host)
    except ValueError:
        return False
    return True


def _matches(name: str, allowed: str) -> bool:
    below = allowed.removeprefix("*")
    return name.endswith(below) and name != below if below.startswith(".") else name == below
