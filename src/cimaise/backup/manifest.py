"""What a backup holds, and the check values of all of it."""

from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from cimaise.errors import Invalid

FORMAT: Final = 1
NAME: Final = "manifest.json"
ROWS: Final = "database.jsonl"
OBJECTS: Final = "objects"


class KeptObject(msgspec.Struct, frozen=True):
    """An object of the storage."""

    key: str
    size: int
    sha256: str  # hex
    content_type: str


class Manifest(msgspec.Struct, frozen=True):
    """Written last: a folder without it is no backup."""

    format: int
    made_at: datetime
    revision: str  # of the schema
    rows_sha256: str
    rows: dict[str, int]  # by table
    objects: list[KeptObject]


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Replace the old one at once."""
    draft = folder / f"{NAME}.new"
    draft.write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=1))
    draft.replace(folder / NAME)


def read_manifest(folder: Path) -> Manifest:
    """``Invalid`` where there is none, or one that this version does not know."""
    try:
        manifest = msgspec.json.decode((folder / NAME).read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError) as fault:
        raise Invalid(f"{folder} holds no backup.") from fault
    if manifest.format != FORMAT:
        raise Invalid(f"The backup has form {manifest.format}; this version reads {FORMAT}.")
    return manifest
