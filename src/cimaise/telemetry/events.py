"""Every log event, declared once.

A log line is an event name with fields. On a terminal it is text, elsewhere one JSON object a
line. The request's id is added to every line written while it is being answered.
"""

import logging
import re
import sys
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Final, TextIO

import msgspec

EVENTS: Final[dict[str, str]] = {
    "server_ready": "The server accepts requests.",
    "server_stopping": "The server was told to stop.",
    "connection_cut": "A client kept the server waiting for too long and was let go.",
    "certificate_taken": "The TLS certificate was read; new connections get it.",
    "certificate_refused": "A new TLS certificate cannot be used; the old one stays.",
    "worker_ended": "A server process ended by itself; another one was started in its place.",
    "sign_in_link": "A one-time link to sign in with was made.",
    "request": "A request was answered.",
    "request_failed": "A request failed with a fault of the server.",
    "file_missing": "The bytes of a published file are not in the storage.",
    "transfer_broken": "The bytes of a reply failed after it began.",
    "upload_rejected": "Uploaded bytes were refused and removed.",
    "album_source_failed": "A source of albums failed and was left out.",
    "album_index": "The index of a folder album was brought up to date.",
    "picture_failed": "A picture could not be made.",
    "picture_refused": "A remote picture was refused.",
    "deletes_refused": "The storage does not let objects go that nothing needs; tried again later.",
    "storage_failed": "The storage could not do what was asked.",
    "jwks_failed": "The public keys of tokens could not be fetched.",
    "challenge_failed": "A challenge's service refused our keys, or failed.",
    "rights_not_told": "Other processes could not be told of a right that was taken away.",
    "share_not_counted": "That a share was opened could not be written down.",
    "tally_failed": "What was delivered could not be written down yet.",
    "cache_purged": "A cache in front was told to forget.",
    "purges_dropped": "A cache in front could not be told to forget for a week.",
    "job": "A job ran.",
    "job_failed": "A job failed; it runs again at its time.",
    "loop_failed": "What runs beside the requests failed; it goes on after a pause.",
    "risk_not_kept": "A score could not be written down.",
    "risk_not_read": "Scores and bans could not be read; what is known holds.",
    "usage_not_kept": "Counts of use could not be written down; they wait for the next time.",
    "takedown_waits": "The bytes of what was taken down could not be moved yet; nobody sees them.",
    "audit_sealed": "Entries got their places in the audit log's chain; its head is told.",
    "webhook_failed": "A delivery to a webhook was given up.",
    "state_away": "The shared state cannot be reached; limits are counted on this machine alone.",
    "state_back": "The shared state can be reached again.",
    "library_message": "A library said something.",
}

request_id: ContextVar[str] = ContextVar("request_id", default="")
client_address: ContextVar[str] = ContextVar("client_address", default="")

_LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
_logger: Final = logging.getLogger("cimaise")
_TOKENS: Final = re.compile(
    r"(/storage/|/tus/|/companion/|/upload/|/s/|/join/|/api/invitations/|[?&](?:link|token|signature|grant)=|\bcim_)"
    r"[A-Za-z0-9_.~%-]{16,}"
)


def log(
    event: str, *, level: str = "info", fault: BaseException | None = None, **fields: Any
) -> None:
    """Write one event.

    Args:
        event: A name in :data:`EVENTS`.
        level: ``debug``, ``info``, ``warning`` or ``error``.
        fault: An exception whose traceback goes into the log, and nowhere else.
        fields: Facts. Never secrets, never whole tokens.
    """
    if event not in EVENTS:
        raise ValueError(f"undeclared log event {event!r}")
    _logger.log(_LEVELS[level], event, extra={"fields": fields}, exc_info=fault)


def is_logged(level: str) -> bool:
    """Are events of this level written at all?"""
    return _logger.isEnabledFor(_LEVELS[level])


class _Lines(logging.Formatter):
    def __init__(self, *, as_json: bool) -> None:
        super().__init__()
        self._as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        fields = getattr(record, "fields", None)
        if fields is None:  # a library's own message
            fields = {"logger": record.name, "message": record.getMessage()}
            event = "library_message"
        else:
            event = record.msg
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        facts = {"at": at, "level": record.levelname.lower(), "event": event}
        if request_id.get():
            facts["request_id"] = request_id.get()
        facts |= fields
        if record.exc_info:
            facts["traceback"] = self.formatException(record.exc_info)
        return self._write(facts)

    def _write(self, facts: dict[str, Any]) -> str:
        if self._as_json:
            return _masked(msgspec.json.encode(facts, enc_hook=str).decode())
        traceback = facts.pop("traceback", "")
        clock, level, event = facts.pop("at")[11:19], facts.pop("level"), facts.pop("event")
        tail = " ".join(f"{name}={value}" for name, value in facts.items())
        line = f"{clock} {level:<7} {event:<16} {tail}".rstrip()
        return _masked(f"{line}\n{traceback}" if traceback else line)


def _masked(text: str) -> str:
    """Without what would let its reader in: tokens in paths and queries, API keys."""
    return _TOKENS.sub(r"\1…", text)


def configure_logging(
    *, level: str = "info", form: str = "auto", stream: TextIO | None = None
) -> Callable[[], None]:
    """Send every log line of the process to ``stream`` (standard error by default).

    Args:
        level: Least level written.
        form: ``text``, ``json``, or ``auto``: text on a terminal, JSON elsewhere.
        stream: Where to.

    Returns:
        A function that undoes it.
    """
    target = stream or sys.stderr
    as_json = form == "json" or (form == "auto" and not target.isatty())
    handler = logging.StreamHandler(target)
    handler.setFormatter(_Lines(as_json=as_json))
    root = logging.getLogger()
    before = (root.level, root.handlers[:])
    root.handlers[:] = [handler]
    root.setLevel(max(_LEVELS[level], logging.WARNING))  # libraries: what matters only
    _logger.setLevel(_LEVELS[level])

    def undo() -> None:
        root.setLevel(before[0])
        root.handlers[:] = before[1]
        _logger.setLevel(logging.NOTSET)

    return undo
