"""What a storage says of an object, and reading one."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What a storage knows of an object.

    Attributes:
        key: Its key.
        size: Length in bytes.
        etag: Opaque version of these bytes, without quotation marks.
        modified_at: When it became visible, aware UTC.
        content_type: As given when written; ``None`` where the backend does not keep it.
    """

    key: str
    size: int
    etag: str
    modified_at: datetime
    content_type: str | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """An object opened for reading; valid inside the context that gave it.

    Attributes:
        info: The version that is being read; ``chunks`` never mixes two.
        start: First byte, inclusive.
        stop: End, exclusive; ``stop - start`` bytes follow, or the iteration raises
            ``BrokenTransfer`` (fewer bytes are never a clean end).
        chunks: The bytes, once. At most 1 MiB each.
        descriptor: An open file descriptor of a regular file that holds exactly this object,
            for ``os.sendfile``; ``None`` where there is none. It is closed with the context.
        path: Absolute, of that file.
    """

    info: ObjectInfo
    start: int
    stop: int
    chunks: AsyncIterator[bytes]
    descriptor: int | None = None
    path: Path | None = None
