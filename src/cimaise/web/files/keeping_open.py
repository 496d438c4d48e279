"""Which files stay open when they have been sent, for the server's own lane (``ready_files.py``)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from cimaise.delivery.open_files import OWN_TTL_S, TTL_S, FileFacts, asked_by_all
from cimaise.originals import Delivery, Found
from cimaise.web.asgi.mounting import ARRIVED
from cimaise.web.call import Call
from cimaise.web.images.variants import own_until, without_rates
from cimaise.web.replies.front import EXTENSION as FRONT
from cimaise.web.replies.reply import BytesReply, Source

_OF_LENGTH: Final = frozenset({b"content-length"})
_OF_BYTES: Final = frozenset({b"content-type", b"content-length"})


@dataclass(frozen=True, slots=True)
class Changes:
    """How much has changed, ever, as it was before anybody looked.

    Attributes:
        of_files: Of what everybody may see.
        of_rights: Of what anybody may see.
    """

    of_files: int
    of_rights: int


def changes_before(call: Call) -> Changes:
    """To be read before the file is looked for."""
    return Changes(call.services.images.answers.changes, call.changes)


@dataclass(frozen=True, slots=True)
class Keeping:
    """An answer whose file may be kept open for the next who ask in the same way.

    Not kept is what somebody else sends (a server in front, a bucket), what came by a grant or by a
    link that counts its uses, and whatever is counted before it begins.
    """

    call: Call
    found: Found
    delivery: Delivery
    reply: BytesReply
    changes: Changes

    @asynccontextmanager
    async def open(self, start: int, stop: int) -> AsyncIterator[Source]:
        """Open it as the delivery would."""
        async with self.delivery.open(start, stop) as reading:
            if reading.descriptor is not None and self._may_be_kept():
                self._keep(reading.descriptor)
            yield reading

    def _may_be_kept(self) -> bool:
        services, scope = self.call.services, self.call.request.scope
        return (
            services.host is None
            and not self.found.by_grant
            and self.found.file.size > 0
            and FRONT not in scope.get("extensions", {})
            and scope[ARRIVED].get("raw_path") is not None
            and "x-forwarded-host" not in self.call.request.headers
            and not services.delivery.guard.counts(is_guest=self.call.principal.is_guest)
        )

    def _keep(self, descriptor: int) -> None:
        call, services, changes = self.call, self.call.services, self.changes
        scope = call.request.scope[ARRIVED]  # as it will come again
        query = scope["query_string"]
        target = scope["raw_path"] + b"?" + query if query else scope["raw_path"]
        key = services.images.own_answers.key_of(target, scope["headers"])
        if key is not None:
            until = own_until(call, self.found.link)
            left_s = 0.0 if until is None else (until - call.now).total_seconds()
            mine = (changes.of_files, changes.of_rights)
            lasts_s = min(OWN_TTL_S, left_s)
            services.delivery.own_files.put(
                key, descriptor, self._facts(), lasts_s=lasts_s, changes=mine
            )
            return
        name = asked_by_all(target, scope["headers"])
        if name is not None and self.delivery.is_public and call.principal.is_guest:
            services.delivery.open_files.put(
                name, descriptor, self._facts(), lasts_s=TTL_S, changes=changes.of_files
            )

    def _facts(self) -> FileFacts:
        headers = without_rates(self.reply.headers_of_all)
        file = self.found.file
        return FileFacts(
            size=file.size,
            etag=dict(headers)[b"etag"],
            lines=_lines(headers, _OF_LENGTH),
            known_lines=_lines(headers, _OF_BYTES),
            route=self.call.request.scope["state"]["route"],
            file_id=file.id,
            owner_id=file.owner_id,
            account_id=self.call.principal.account_id,
        )


def _lines(headers: list[tuple[bytes, bytes]], but: frozenset[bytes]) -> bytes:
    return b"".join(b"%b: %b\r\n" % pair for pair in headers if pair[0] not in but)
