"""Which backend a URL names: the only place that knows all of them, and imports one."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from cimaise.settings import StorageSettings
from cimaise.storage.base import Storage
from cimaise.storage.signed_urls import SignedUrls

if TYPE_CHECKING:
    from cimaise.storage.s3 import Credentials

_VARIABLE: Final = "CIMAISE_STORAGE_URL"


@dataclass(frozen=True, slots=True)
class Opening:
    """What an opener may use: see :func:`open_storage`."""

    settings: StorageSettings
    data_dir: Path
    urls: SignedUrls
    now: Callable[[], datetime]
    random: Callable[[], str]
    note: Callable[[str], None]


def open_storage(
    settings: StorageSettings,
    *,
    data_dir: Path,
    signing_secret: bytes,
    former_secrets: Sequence[bytes] = (),
    public_url: str,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    random: Callable[[], str] = lambda: secrets.token_hex(16),
    note: Callable[[str], None] = lambda request: None,  # noqa: ARG005 (nobody counts)
) -> Storage:
    """Open the storage that the settings name; nothing is sent before it is used.

    Args:
        settings: Its URL, and keys for S3.
        data_dir: Where ``file:`` without a path keeps its folders ``objects`` and ``incoming``.
        signing_secret: Signs the URLs of local storage; at least 16 bytes.
        former_secrets: URLs that were signed with one of these are still good.
        public_url: Base of those URLs.
        now: The time, aware UTC.
        random: Texts of 16 to 64 letters and digits that nobody can guess.
        note: Told each request that a provider may charge for, by S3's name for it.

    Raises:
        ValueError: A sentence that names the variable and the form it wants.
        OSError: The folder cannot be made.
    """
    scheme = settings.url.partition(":")[0].lower()
    opener = OPENERS.get(scheme)
    if opener is None:
        known = ", ".join(f"{name}:" for name in OPENERS)
        raise ValueError(f"{_VARIABLE}: expected a URL that begins with one of {known}")
    urls = SignedUrls(secret=signing_secret, former=former_secrets, public_url=public_url, now=now)
    try:
        return opener(Opening(settings, data_dir, urls, now, random, note))
    except ValueError as fault:
        raise ValueError(f"{_VARIABLE}: {fault}") from fault


def _open_memory(opening: Opening) -> Storage:
    from cimaise.storage.memory import MemoryStorage

    return MemoryStorage(urls=opening.urls, now=opening.now, random=opening.random)


def _open_filesystem(opening: Opening) -> Storage:
    from cimaise.storage.filesystem import FilesystemStorage

    return FilesystemStorage(_root(opening), urls=opening.urls, random=opening.random)


def _root(opening: Opening) -> Path:
    parts = urlsplit(opening.settings.url)
    if parts.netloc or parts.query or parts.fragment:
        raise ValueError("expected file: or file:///absolute/path")
    if not parts.path:
        return opening.data_dir
    root = Path(unquote(parts.path))
    if not root.is_absolute():
        raise ValueError("expected file: or file:///absolute/path")
    return root


def _open_s3(opening: Opening) -> Storage:
    from cimaise.storage.s3 import Accounts, CopySizes, S3Storage, parse_location

    known = opening.settings
    main = _credentials("", known.access_key_id, known.secret_access_key)
    if main is None:
        raise ValueError("s3: needs access_key_id and secret_access_key as well")
    presigner = _credentials(
        "presigner_", known.presigner_access_key_id, known.presigner_secret_access_key
    )
    cleanup = _credentials("cleanup_", known.cleanup_access_key_id, known.cleanup_secret_access_key)
    accounts = Accounts(main, presigner or main, cleanup or main)
    sizes = CopySizes(single=known.copy_single_max_bytes, part=known.copy_part_bytes)
    return S3Storage(
        parse_location(known.url),
        accounts,
        now=opening.now,
        random=opening.random,
        copy_sizes=sizes,
        note=opening.note,
        binds_checksums=known.sign_checksums,
    )


def _credentials(prefix: str, key: str, secret: str) -> "Credentials | None":
    from cimaise.storage.s3 import Credentials

    if bool(key) != bool(secret):
        raise ValueError(f"{prefix}access_key_id and {prefix}secret_access_key go together")
    return Credentials(key, secret) if key else None


OPENERS: Final[Mapping[str, Callable[[Opening], Storage]]] = {
    "file": _open_filesystem,
    "memory": _open_memory,
    "s3": _open_s3,
}
