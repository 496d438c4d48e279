"""Where a bucket is: ``s3://bucket/prefix?endpoint=…&region=…&path_style=…`` and what follows."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlsplit

from cimaise.storage.keys import require_key, require_name

_BUCKET: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]", re.ASCII)
_REGION: Final = re.compile(r"[A-Za-z0-9-]{1,40}", re.ASCII)
_SEGMENT: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*", re.ASCII)
_KNOWN: Final = frozenset({"endpoint", "region", "path_style"})


@dataclass(frozen=True, slots=True)
class Location:
    """A bucket, or the part of it below a prefix.

    Attributes:
        bucket: Its name.
        prefix: What every key begins with there; empty or ending with a slash.
        region: As it is signed.
        scheme: ``http`` or ``https``.
        host: With the port where it is not the scheme's own; as it is signed.
        endpoint: Base URL of the service, for the client of control calls.
        path_style: Whether the bucket stands in the path instead of in the host's name.
    """

    bucket: str
    prefix: str
    region: str
    scheme: str
    host: str
    endpoint: str
    path_style: bool

    def name(self, key: str) -> str:
        """The key as the bucket has it."""
        return self.prefix + require_key(key)

    def foreign_name(self, name: str) -> str:
        """A name that is no key of ours, as the bucket has it."""
        return self.prefix + require_name(name)

    def path(self, key: str) -> str:
        """Path of an object's URL. Nothing in it ever needs an escape."""
        name = self.name(key)
        return f"/{self.bucket}/{name}" if self.path_style else f"/{name}"

    def url(self, path: str, query: str) -> str:
        """Absolute URL of a path of this host."""
        base = f"{self.scheme}://{self.host}{path}"
        return f"{base}?{query}" if query else base


def parse_location(url: str) -> Location:
    """Read ``CIMAISE_STORAGE_URL``; ``ValueError`` says what is wrong with it.

    ``region`` is ``us-east-1`` unless given. ``path_style`` is 1 where an ``endpoint`` is given,
    otherwise 0, and the endpoint is that of AWS for the region.
    """
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = sorted(set(query) - _KNOWN)
    if unknown:
        raise ValueError(f"expected only {', '.join(sorted(_KNOWN))} after '?', not {unknown[0]}")
    if not _BUCKET.fullmatch(parts.netloc):
        raise ValueError("expected the name of a bucket after s3://")
    region = query.get("region", "us-east-1")
    if not _REGION.fullmatch(region):
        raise ValueError("expected a region such as us-east-1")
    endpoint = query.get("endpoint") or f"https://s3.{region}.amazonaws.com"
    service = _service(endpoint)
    path_style = _flag(query.get("path_style", "1" if query.get("endpoint") else "0"))
    host = service.netloc.lower()
    return Location(
        bucket=parts.netloc,
        prefix=_prefix(parts.path),
        region=region,
        scheme=service.scheme,
        host=host if path_style else f"{parts.netloc}.{host}",
        endpoint=f"{service.scheme}://{host}",
        path_style=path_style,
    )


def _prefix(path: str) -> str:
    text = path.strip("/")
    if not text:
        return ""
    if not all(_SEGMENT.fullmatch(segment) for segment in text.split("/")):
        raise ValueError("expected a prefix of letters, digits, '.', '_' and '-' between slashes")
    return text + "/"


def _service(endpoint: str) -> SplitResult:
    service = urlsplit(endpoint)
    if service.scheme not in ("http", "https") or not service.hostname:
        raise ValueError("expected endpoint=https://host or https://host:port")
    if service.path.strip("/") or service.query or service.username:
        raise ValueError("expected an endpoint without a path, a query or a user")
    default = ":443" if service.scheme == "https" else ":80"
    return service._replace(netloc=service.netloc.removesuffix(default))


def _flag(text: str) -> bool:
    if text not in ("0", "1"):
        raise ValueError("expected path_style=0 or path_style=1")
    return text == "1"
