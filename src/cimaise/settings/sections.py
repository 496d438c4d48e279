"""What can be set. One frozen class a section; units are in the names or in the sentence."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any, Final

from cimaise.settings import parsing as p

KB: Final = 1024
MB: Final = 1024 * KB
GB: Final = 1024 * MB
TB: Final = 1024 * GB


@dataclass(frozen=True, slots=True)
class Knob:
    """What the manual and the loader know of a setting besides its default.

    Attributes:
        parse: Text to value; raises ``ValueError`` with the form it expects.
        meaning: One sentence, with the unit.
        low: Least value allowed, in the value's own unit.
        high: Greatest value allowed.
        choices: The only values allowed, where not empty.
        secret: Never shown.
    """

    parse: Callable[[str], object]
    meaning: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    secret: bool = False


def _knob(default: Any, parse: Callable[[str], object], meaning: str, **more: Any) -> Any:
    return field(default=default, metadata={"knob": Knob(parse, meaning, **more)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """Where everything lies that the server keeps on this machine."""

    dir: Path = _knob(
        Path("data"), p.parse_path, "Folder that holds the database, objects, cache and albums."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSettings:
    """Where facts live."""

    url: str = _knob(
        "",
        p.parse_text,
        "postgresql://… when outgrown; empty: SQLite in the data folder.",
        secret=True,
    )
    readers: int = _knob(
        4, p.parse_count, "Connections for reading (SQLite) or in all (PostgreSQL).", low=1, high=64
    )
    wait: float = _knob(
        10.0, p.parse_duration, "Longest wait for a connection or a lock.", low=0.1, high=300
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageSettings:
    """Where bytes live."""

    url: str = _knob(
        "file:",
        p.parse_text,
        "file: (in the data folder), file:///path, memory: or s3://bucket/prefix?endpoint=…&region=….",
    )
    access_key_id: str = _knob("", p.parse_text, "S3 access key.", secret=True)
    secret_access_key: str = _knob("", p.parse_text, "S3 secret key.", secret=True)
    presigner_access_key_id: str = _knob(
        "", p.parse_text, "S3 access key that signs URLs only; empty: the first one.", secret=True
    )
    presigner_secret_access_key: str = _knob(
        "", p.parse_text, "S3 secret key that signs URLs only.", secret=True
    )
    cleanup_access_key_id: str = _knob(
        "", p.parse_text, "S3 access key that deletes only; empty: the first one.", secret=True
    )
    cleanup_secret_access_key: str = _knob(
        "", p.parse_text, "S3 secret key that deletes only.", secret=True
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class StateSettings:
    """Small facts shared by processes."""

    url: str = _knob(
        "local:",
        p.parse_text,
        "Where they are; one machine keeps them itself.",
        choices=("local:",),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """The HTTP server."""

    host: str = _knob("127.0.0.1", p.parse_text, "Address to listen on.")
    port: int = _knob(3023, p.parse_count, "Port to listen on; 0 takes a free one.", high=65535)
    public_url: str = _knob(
        "", p.parse_web_url, "Base of absolute URLs; empty: made from host and port."
    )
    deadline: float = _knob(
        30.0,
        p.parse_duration,
        "Time to the start of an answer; transfers are free of it.",
        low=0.1,
        high=3600,
    )
    grace: float = _knob(
        10.0, p.parse_duration, "Time that running requests have after SIGTERM.", high=3600
    )
    workers: int = _knob(1, p.parse_count, "Server processes.", low=1, high=64)
    allowed_origins: tuple[str, ...] = _knob(
        (), p.parse_origins, "Origins whose pages may upload here (CORS); * for any."
    )
    max_json_bytes: int = _knob(2 * MB, p.parse_bytes, "Longest JSON body.", low=KB, high=64 * MB)
    secret: str = _knob(
        "",
        p.parse_secret,
        "Key that signs our URLs and cookies; empty: made once and kept in the data folder.",
        secret=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploads:
    """Bytes coming in."""

    single_max_bytes: int = _knob(
        50 * MB, p.parse_bytes, "Up to here one request, above in parts.", low=1, high=5 * GB
    )
    max_bytes: int = _knob(5 * TB, p.parse_bytes, "Largest file.", low=1, high=48 * TB)
    part_bytes: int = _knob(10 * MB, p.parse_bytes, "Size of a part.", low=5 * MB, high=20 * MB)
    session_ttl: float = _knob(
        86400.0, p.parse_duration, "How long an unfinished upload is kept.", low=60, high=30 * 86400
    )
    url_ttl: float = _knob(
        3600.0, p.parse_duration, "How long a signed upload URL lives.", low=1, high=7 * 86400
    )
    extensions: tuple[str, ...] = _knob(
        (), p.parse_extensions, "File extensions that are accepted; any for all."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """What an account may store, where nothing is set for it; 0 is no limit."""

    daily_bytes: int = _knob(0, p.parse_bytes, "Bytes a day (00:00 UTC).")
    daily_files: int = _knob(0, p.parse_count, "Files a day (00:00 UTC).")
    total_bytes: int = _knob(0, p.parse_bytes, "Bytes in all.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Images:
    """Pictures made on the fly."""

    max_width: int = _knob(
        2560, p.parse_count, "Widest and tallest picture made, in pixels.", low=16, high=16383
    )
    default_quality: int = _knob(80, p.parse_count, "Quality, 1 to 100.", low=1, high=100)
    fetch_timeout: float = _knob(
        15.0, p.parse_duration, "Time for fetching a remote picture.", low=0.1, high=300
    )
    max_pixels: int = _knob(
        100_000_000, p.parse_pixels, "Most pixels of a source, all frames together.", low=1
    )
    max_source_bytes: int = _knob(
        100 * MB, p.parse_bytes, "Longest remote source.", low=KB, high=4 * GB
    )
    max_frames: int = _knob(100, p.parse_count, "Most frames of an animation kept.", low=1)
    cache_bytes: int = _knob(10 * GB, p.parse_bytes, "Size of the cache of variants.", low=MB)
    error_ttl: float = _knob(
        60.0, p.parse_duration, "How long a remote failure is remembered.", high=3600
    )
    allowed_hosts: tuple[str, ...] = _knob(
        (), p.parse_names, "Hosts that may be fetched from; empty: any public one."
    )
    policy: str = _knob(
        "open",
        p.parse_text,
        "Who may ask for which variant of stored pictures.",
        choices=("open", "presets"),
    )
    allow_addresses: tuple[IPv4Network | IPv6Network, ...] = _knob(
        (), p.parse_networks, "Exceptions to the address block, for private networks and tests."
    )
    ca_file: str = _knob("", p.parse_text, "Further CA certificates for remote fetches (PEM).")
    workers: int = _knob(
        0, p.parse_count, "Pictures made at the same time; 0: as many as there are cores.", high=256
    )
    queue: int = _knob(
        200, p.parse_count, "Pictures waiting to be made; one more is answered 503.", high=100_000
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Signed download links."""

    ttl: float = _knob(
        3600.0,
        p.parse_duration,
        "How long a link lives where nothing is said.",
        low=1,
        high=10 * 365 * 86400,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth:
    """Who somebody is."""

    jwt_secret: str = _knob(
        "", p.parse_secret, "Secret of HS256 tokens, at least 32 bytes.", secret=True
    )
    jwks_url: str = _knob("", p.parse_web_url, "Where the public keys of tokens are.")
    issuer: str = _knob("", p.parse_text, "Required iss of tokens.")
    audience: str = _knob("", p.parse_text, "Required aud of tokens.")
    session_ttl: float = _knob(
        14 * 86400.0,
        p.parse_duration,
        "How long a browser stays signed in.",
        low=60,
        high=365 * 86400,
    )
    sign_in_ttl: float = _knob(
        3600.0, p.parse_duration, "How long a one-time sign-in link lives.", low=60, high=7 * 86400
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """What is written while running."""

    level: str = _knob(
        "info",
        p.parse_text,
        "Least level written.",
        choices=("debug", "info", "warning", "error"),
    )
    format: str = _knob(
        "auto",
        p.parse_text,
        "text, json, or auto: text on a terminal, JSON elsewhere.",
        choices=("auto", "text", "json"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """For ``cimaise upload``, which talks to a server."""

    server: str = _knob("", p.parse_web_url, "The server; empty: http://127.0.0.1:3023.")
    key: str = _knob("", p.parse_text, "API key.", secret=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every section. Frozen: read once, handed down."""

    data: Data = field(default_factory=Data)
    database: DatabaseSettings = field(default_factory=DatabaseSettings)
    storage: StorageSettings = field(default_factory=StorageSettings)
    state: StateSettings = field(default_factory=StateSettings)
    server: Server = field(default_factory=Server)
    uploads: Uploads = field(default_factory=Uploads)
    quota: Quota = field(default_factory=Quota)
    images: Images = field(default_factory=Images)
    links: Links = field(default_factory=Links)
    auth: Auth = field(default_factory=Auth)
    log: Log = field(default_factory=Log)
    client: Client = field(default_factory=Client)

    @property
    def public_url(self) -> str:
        """Base of absolute URLs, without a trailing slash."""
        if self.server.public_url:
            return self.server.public_url
        host = self.server.host
        shown = f"[{host}]" if ":" in host else {"0.0.0.0": "127.0.0.1"}.get(host, host)  # noqa: S104
        return f"http://{shown}:{self.server.port}"


def knobs() -> list[tuple[str, str, Knob, object]]:
    """Every setting as (section, name, knob, default), in the order of this file."""
    empty = Settings()
    return [
        (section.name, knob.name, knob.metadata["knob"], getattr(values, knob.name))
        for section in fields(Settings)
        for values in [getattr(empty, section.name)]
        for knob in fields(values)
    ]
