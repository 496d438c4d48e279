"""The process: what it listens on, what it says, how its own client reaches it."""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network

from cimaise.settings import parsing as p
from cimaise.settings.knob import KB, MB, knob


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """The HTTP server."""

    host: str = knob("127.0.0.1", p.parse_text, "Address to listen on.")
    port: int = knob(3023, p.parse_count, "Port to listen on; 0 takes a free one.", high=65535)
    public_url: str = knob(
        "", p.parse_web_url, "Base of absolute URLs; empty: made from host and port."
    )
    tls_certificate: str = knob(
        "", p.parse_text, "PEM file of the server's certificate and its chain; empty: no TLS."
    )
    tls_key: str = knob("", p.parse_text, "PEM file of the certificate's key.")
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = knob(
        (ip_network("127.0.0.0/8"), ip_network("::1/128")),
        p.parse_proxies,
        "Networks whose X-Forwarded-For and X-Forwarded-Proto are believed; none: nobody's.",
    )
    hsts: float = knob(
        0.0,
        p.parse_duration,
        "How long browsers that were here by TLS come by nothing else (HSTS); 0: not said.",
        high=10 * 365 * 86400,
    )
    deadline: float = knob(
        30.0,
        p.parse_duration,
        "Time to the start of an answer; transfers are free of it.",
        low=0.1,
        high=3600,
    )
    grace: float = knob(
        10.0, p.parse_duration, "Time that running requests have after SIGTERM.", high=3600
    )
    workers: int = knob(1, p.parse_count, "Server processes.", low=1, high=64)
    allowed_origins: tuple[str, ...] = knob(
        (), p.parse_origins, "Origins whose pages may upload here (CORS); * for any."
    )
    send_files_by: str = knob(
        "self",
        p.parse_text,
        "self, or the header that names files to a server in front.",
        choices=("self", "x-accel-redirect", "x-sendfile"),
    )
    max_head_bytes: int = knob(
        64 * KB, p.parse_bytes, "Longest head of a request, its line included.", low=4 * KB, high=MB
    )
    max_headers: int = knob(200, p.parse_count, "Most headers of a request.", low=10, high=10_000)
    head_time: float = knob(
        20.0, p.parse_duration, "Time for the head of a request to come.", low=0.1, high=3600
    )
    keep_alive: float = knob(
        15.0, p.parse_duration, "How long a connection waits for its next request.", high=3600
    )
    body_stall: float = knob(
        60.0, p.parse_duration, "Longest pause in a body that comes in.", low=0.1, high=3600
    )
    write_stall: float = knob(
        60.0,
        p.parse_duration,
        "Longest pause of a client that reads an answer.",
        low=0.1,
        high=3600,
    )
    max_json_bytes: int = knob(2 * MB, p.parse_bytes, "Longest JSON body.", low=KB, high=64 * MB)
    secret: tuple[str, ...] = knob(
        (),
        p.parse_secrets,
        "Key that signs our URLs; several, separated by commas: the first signs, all are good;"
        " empty: made once and kept in the data folder.",
        secret=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """What is written while running."""

    level: str = knob(
        "info",
        p.parse_text,
        "Least level written.",
        choices=("debug", "info", "warning", "error"),
    )
    format: str = knob(
        "auto",
        p.parse_text,
        "text, json, or auto: text on a terminal, JSON elsewhere.",
        choices=("auto", "text", "json"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """For ``cimaise upload``, which talks to a server."""

    server: str = knob("", p.parse_web_url, "The server; empty: http://127.0.0.1:3023.")
    key: str = knob("", p.parse_text, "API key.", secret=True)
