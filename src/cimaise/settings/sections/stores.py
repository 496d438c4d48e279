"""Where everything is kept."""

from dataclasses import dataclass
from pathlib import Path

from cimaise.settings import parsing as p
from cimaise.settings.knob import GB, MB, knob


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """Where everything lies that the server keeps on this machine."""

    dir: Path = knob(
        Path("data"), p.parse_path, "Folder that holds the database, objects, cache and albums."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSettings:
    """Where facts live."""

    url: str = knob(
        "",
        p.parse_text,
        "postgresql://… when outgrown; empty: SQLite in the data folder.",
        secret=True,
    )
    readers: int = knob(
        4, p.parse_count, "Connections for reading (SQLite) or in all (PostgreSQL).", low=1, high=64
    )
    wait: float = knob(
        10.0, p.parse_duration, "Longest wait for a connection or a lock.", low=0.1, high=300
    )
    statement: float = knob(
        25.0, p.parse_duration, "Longest time of one statement (PostgreSQL).", low=0.1, high=3600
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageSettings:
    """Where bytes live."""

    url: str = knob(
        "file:",
        p.parse_text,
        "file: (in the data folder), file:///path, memory: or s3://bucket/prefix?endpoint=…&region=….",
    )
    access_key_id: str = knob("", p.parse_text, "S3 access key.", secret=True)
    secret_access_key: str = knob("", p.parse_text, "S3 secret key.", secret=True)
    presigner_access_key_id: str = knob(
        "", p.parse_text, "S3 access key that signs URLs only; empty: the first one.", secret=True
    )
    presigner_secret_access_key: str = knob(
        "", p.parse_text, "S3 secret key that signs URLs only.", secret=True
    )
    cleanup_access_key_id: str = knob(
        "", p.parse_text, "S3 access key that deletes only; empty: the first one.", secret=True
    )
    cleanup_secret_access_key: str = knob(
        "", p.parse_text, "S3 secret key that deletes only.", secret=True
    )
    sign_checksums: bool = knob(
        default=False,
        parse=p.parse_flag,
        meaning="S3: sign declared SHA-256 sums into URLs, where the service verifies them.",
    )
    copy_single_max_bytes: int = knob(
        GB, p.parse_bytes, "S3: longer objects are copied in parts.", low=5 * MB, high=5 * GB
    )
    copy_part_bytes: int = knob(
        GB, p.parse_bytes, "S3: size of a part of such a copy.", low=5 * MB, high=5 * GB
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class StateSettings:
    """Small facts shared by processes."""

    url: str = knob(
        "local:",
        p.parse_state_url,
        "local: for all processes of one machine; redis://, rediss:// or unix:// (Redis 7 or Valkey) for several.",
        secret=True,
    )
