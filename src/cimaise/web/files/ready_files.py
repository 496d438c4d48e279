"""Files that are open already, for the server's own lane: who may have one, and what is counted.

Everything holds that holds on the usual way (``originals.py``). What cannot be decided at once
is left to that.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, Literal, NamedTuple, Protocol
from urllib.parse import unquote

from cimaise import telemetry
from cimaise.delivery.open_files import FileFacts, OpenFile, OpenFiles, asked_by_all
from cimaise.delivery.tally import Transfer
from cimaise.delivery.visitors import Visitor, kind_of
from cimaise.web.asgi.access_log import Answered
from cimaise.web.limits.limiting import Kind
from cimaise.web.services import Services

Headers = Sequence[tuple[bytes, bytes]]

_BEHIND_A_PROXY: Final = frozenset({b"forwarded", b"x-forwarded-for", b"x-forwarded-host"})


class Ended(Protocol):
    """See ``cimaise.server.files.Ended``: what became of an answer."""

    @property
    def status(self) -> int:
        """As sent."""

    @property
    def start(self) -> int:
        """The first byte that was wanted."""

    @property
    def sent_bytes(self) -> int:
        """Of the body."""

    @property
    def elapsed_s(self) -> float:
        """From the request to the end."""

    @property
    def request_id(self) -> str:
        """Of the request."""

    @property
    def outcome(self) -> Literal["complete", "broken", "disconnected"]:
        """As the access log has it."""


class _Line(NamedTuple):
    """See ``cimaise.web.asgi.ready_access_log.Line``."""

    method: str
    path: str
    status: int
    bytes_sent: int
    route: str
    account_id: str


class ReadyFiles:
    """See ``cimaise.server.files.Files``."""

    def __init__(self, services: Services) -> None:
        self._key_of = services.images.own_answers.key_of
        self._own: OpenFiles = services.delivery.own_files
        self._open: OpenFiles = services.delivery.open_files
        self._services = services
        self._answered = Answered(services.operation.usage)

    def find(self, target: bytes, headers: Headers) -> OpenFile | None:
        """The file that this request would be answered with, if it is open."""
        if not (self._open.count or self._own.count):
            return None
        key = self._key_of(target, headers)
        if key is not None:
            return self._own.get(key)
        name = asked_by_all(target, headers)
        return None if name is None else self._open.get(name)

    def begin(
        self, file: OpenFile, target: bytes, headers: Headers, host: str
    ) -> Callable[[Ended], None] | None:
        """Count it and keep the file open until what is given is called.

        ``None``: whatever else there is to be said about it is the application's.
        """
        account_id = file.facts.account_id
        names = {name for name, _ in headers}
        visitor = kind_of(
            _said(headers, b"user-agent"), has_fetch_metadata=b"sec-fetch-mode" in names
        )
        refusal = self._services.delivery.guard.refusal(
            is_guest=not account_id,
            visitor=visitor,
            referrer=_said(headers, b"referer"),
            is_visit=_said(headers, b"sec-fetch-dest") == "document",
        )
        seen_from = host if _BEHIND_A_PROXY.isdisjoint(names) else None
        if refusal or not self._services.operation.limiter.admit(Kind.READ, seen_from, account_id):
            return None
        file.take()
        return partial(self._ended, file, target, visitor)

    def _ended(self, file: OpenFile, target: bytes, visitor: Visitor, ended: Ended) -> None:
        file.give_back()
        facts, services = file.facts, self._services
        if ended.sent_bytes:
            services.delivery.tally.add(
                Transfer(
                    bytes=ended.sent_bytes,
                    visitor=visitor,
                    file_id=facts.file_id,
                    owner_id=facts.owner_id,
                    reader_id=facts.account_id,
                )
            )
            if ended.start == 0 and ended.outcome == "complete":
                services.delivery.tally.count_download(facts.file_id)
        self._note(facts, target, ended)

    def _note(self, facts: FileFacts, target: bytes, ended: Ended) -> None:
        path = target.partition(b"?")[0].decode("ascii", "replace")
        path = unquote(path) if "%" in path else path
        if ended.outcome == "complete":
            line = _Line("GET", path, ended.status, 0, facts.route, facts.account_id)
            self._services.operation.at_once.add(
                line, ended.sent_bytes, elapsed_s=ended.elapsed_s, request_id=ended.request_id
            )
            return
        before = telemetry.request_id.set(ended.request_id)
        self._answered(
            method="GET",
            path=path,
            status=ended.status,
            elapsed_s=ended.elapsed_s,
            bytes_sent=ended.sent_bytes,
            request_id=ended.request_id,
            outcome=ended.outcome,
            facts={"route": facts.route, "account_id": facts.account_id},
        )
        telemetry.request_id.reset(before)


def _said(headers: Headers, wanted: bytes) -> str | None:
    """A header as the application reads it: repeated ones are joined (RFC 9110 §5.3)."""
    values = [value.decode("latin-1") for name, value in headers if name == wanted]
    return ", ".join(values) if values else None
