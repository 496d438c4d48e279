"""Texts of settings to values. Every parser raises ``ValueError`` with the form it expects."""

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

_BYTES: Final = {"": 1, "b": 1, "kb": 1024, "mb": 1024**2, "gb": 1024**3, "tb": 1024**4}
_SECONDS: Final = {"ms": 0.001, "": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_LEAST_SECRET_BYTES: Final = 32
_NUMBER_AND_UNIT: Final = re.compile(r"\s*(\d{1,18}(?:\.\d{1,9})?)\s*([A-Za-z]*)\s*", re.ASCII)

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,40}")


def _number_and_unit(text: str, form: str) -> tuple[float, str]:
    match = _NUMBER_AND_UNIT.fullmatch(text)
    if match is None:
        raise ValueError(form)
    return float(match[1]), match[2].lower()


def parse_bytes(text: str) -> int:
    """``"50 MB"`` to bytes; 1 MB is 1024² bytes."""
    form = "a number of bytes, such as 1048576, 50 MB or 5 TB"
    number, unit = _number_and_unit(text, form)
    if unit.replace("ib", "b") not in _BYTES:
        raise ValueError(form)
    return int(number * _BYTES[unit.replace("ib", "b")])


def parse_duration(text: str) -> float:
    """``"15s"``, ``"500ms"``, ``"60m"``, ``"24h"``, ``"7d"`` or plain seconds to seconds."""
    form = "a duration, such as 30, 500ms, 15s, 60m, 24h or 7d"
    number, unit = _number_and_unit(text, form)
    if unit not in _SECONDS:
        raise ValueError(form)
    return number * _SECONDS[unit]


def parse_pixels(text: str) -> int:
    """``"100 MP"`` or a plain number to pixels; 1 MP is 10⁶ pixels."""
    form = "a number of pixels, such as 100 MP or 25000000"
    number, unit = _number_and_unit(text, form)
    if unit not in ("", "mp"):
        raise ValueError(form)
    return int(number * (1_000_000 if unit else 1))


def parse_count(text: str) -> int:
    """A whole number, not negative."""
    if not re.fullmatch(r"\s*\d{1,18}\s*", text, re.ASCII):
        raise ValueError("a whole number")
    return int(text)


def parse_text(text: str) -> str:
    """Any text, stripped."""
    return text.strip()


def parse_secret(text: str) -> str:
    """A secret of at least 32 bytes."""
    if len(text.strip().encode()) < _LEAST_SECRET_BYTES:
        raise ValueError(f"at least {_LEAST_SECRET_BYTES} bytes that nobody can guess")
    return text.strip()


def parse_secrets(text: str) -> tuple[str, ...]:
    """Secrets of at least 32 bytes each, separated by commas."""
    names = parse_names(text)
    if not names or any(len(name.encode()) < _LEAST_SECRET_BYTES for name in names):
        form = f"at least {_LEAST_SECRET_BYTES} bytes that nobody can guess, without a comma"
        raise ValueError(f"{form}; former ones behind it, separated by commas")
    return names


def parse_flag(text: str) -> bool:
    """``true``/``false``, ``1``/``0``, ``yes``/``no``, ``on``/``off``."""
    lowered = text.strip().lower()
    if lowered in ("1", "true", "yes", "on"):
        return True
    if lowered in ("0", "false", "no", "off"):
        return False
    raise ValueError("true or false")


def parse_path(text: str) -> Path:
    """A path of the file system, ``~`` expanded."""
    if not text.strip() or "\0" in text:
        raise ValueError("a path")
    try:
        return Path(text.strip()).expanduser()
    except RuntimeError:  # of somebody who has no home here
        raise ValueError("a path") from None


def parse_state_url(text: str) -> str:
    """``local:``, or the URL of a Redis server."""
    stripped = text.strip()
    parts = urlsplit(stripped)
    if stripped == "local:" or (parts.scheme in ("redis", "rediss") and parts.hostname):
        return stripped
    if parts.scheme == "unix" and parts.path.startswith("/"):
        return stripped
    raise ValueError("local:, redis://host:6379/0, rediss://… or unix:///path/to/socket")


def parse_names(text: str) -> tuple[str, ...]:
    """A list separated by commas; empty items are left out."""
    return tuple(item.strip() for item in text.split(",") if item.strip())


def parse_named_paths(text: str) -> tuple[tuple[str, Path], ...]:
    """``name=/path`` pairs, separated by commas; a name is of letters, digits, ``-`` and ``_``."""
    pairs = []
    for pair in parse_names(text):
        name, equals, path = pair.partition("=")
        if not equals or not path or not _NAME.fullmatch(name):
            raise ValueError("name=/path, several separated by commas")
        pairs.append((name, Path(path)))
    if len(dict(pairs)) != len(pairs):
        raise ValueError("name=/path, each name once")
    return tuple(pairs)


def parse_extensions(text: str) -> tuple[str, ...]:
    """File extensions with their dot, lower case; ``any`` or nothing allows all."""
    names = tuple(name.lower() for name in parse_names(text))
    if names in ((), ("any",)):
        return ()
    if any(not re.fullmatch(r"\.?[a-z0-9][a-z0-9.+-]*", name) for name in names):
        raise ValueError("extensions separated by commas, such as .zip, .jpg; or any")
    return tuple(name if name.startswith(".") else f".{name}" for name in names)


def parse_networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Networks in CIDR form, separated by commas."""
    try:
        return tuple(ip_network(name, strict=False) for name in parse_names(text))
    except ValueError:
        raise ValueError("networks separated by commas, such as 127.0.0.0/8, ::1/128") from None


def parse_proxies(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """The same, or ``none``."""
    return () if text.strip().lower() in ("", "none") else parse_networks(text)


def parse_web_url(text: str) -> str:
    """An absolute http(s) URL, without its trailing slash."""
    form = "an absolute URL, such as https://media.example.org"
    try:
        parts = urlsplit(text.strip())
        _ = parts.port
    except ValueError:
        raise ValueError(form) from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(form)
    return text.strip().rstrip("/")


def parse_origins(text: str) -> tuple[str, ...]:
    """Web origins (scheme, host, port), separated by commas; ``*`` for any."""
    if text.strip() == "*":
        return ("*",)
    return tuple(parse_web_url(name) for name in parse_names(text))
