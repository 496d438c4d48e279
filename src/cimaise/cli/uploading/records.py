"""What is remembered of unfinished uploads, so that the next run goes on: one small file each."""

import hashlib
import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct, field

from cimaise.cli.uploading.source import Source

_KEPT_S: Final = 31 * 86400.0
"""Longer than a server keeps an unfinished upload."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """What makes two runs the same upload. ``checked``: with a checksum."""

    server: str
    collection: str
    source: Source
    checked: bool

    @property
    def name(self) -> str:
        """Name of its file."""
        facts = (
            self.server,
            self.collection,
            str(self.source.path),
            self.source.size,
            self.source.mtime_ns,
            self.checked,
        )
        return hashlib.sha256(msgspec.json.encode(facts)).hexdigest() + ".json"


class Record(Struct):
    """An upload that was begun, and the ETags of its parts that have arrived."""

    upload_id: str
    etags: dict[int, str] = field(default_factory=dict)
    path: str = ""  # for whoever looks into the folder


def records_folder(environment: Mapping[str, str]) -> Path:
    """``$XDG_CACHE_HOME/cimaise/uploads``, by default under ``~/.cache``."""
    named = environment.get("XDG_CACHE_HOME", "")
    cache = Path(named) if Path(named).is_absolute() else Path.home() / ".cache"
    return cache / "cimaise" / "uploads"


class Records:
    """The records in a folder, readable by their owner alone; made when first needed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, ticket: Ticket) -> Record | None:
        """The record, or ``None`` where there is none that can be read."""
        try:
            return msgspec.json.decode((self._folder / ticket.name).read_bytes(), type=Record)
        except (OSError, msgspec.DecodeError):
            return None

    def save(self, ticket: Ticket, record: Record) -> None:
        """Write it whole or not at all."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self._folder / f"{ticket.name}.{secrets.token_hex(4)}.draft"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(record))
        draft.replace(self._folder / ticket.name)

    def forget(self, ticket: Ticket) -> None:
        """Remove it; what is not there is no fault."""
        (self._folder / ticket.name).unlink(missing_ok=True)

    def forget_old(self) -> None:
        """Remove what no server keeps any more."""
        limit = time.time() - _KEPT_S
        for file in self._folder.glob("*.json*"):
            if file.stat().st_mtime < limit:
                file.unlink(missing_ok=True)
