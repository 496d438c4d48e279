"""Transfers as they are asked for, let in and counted: around every reply that moves much."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders
from starlette.types import Message, Receive, Scope, Send

from cimaise import telemetry
from cimaise.delivery.guard import Asking
from cimaise.delivery.tally import Transfer
from cimaise.delivery.visitors import kind_of
from cimaise.errors import TooMany
from cimaise.library.model import File
from cimaise.library.tags import collection_tag, file_tag
from cimaise.web.call import Call
from cimaise.web.replies.problems import problem_reply
from cimaise.web.replies.reply import BytesReply

if TYPE_CHECKING:
    from cimaise.web.services import Services

_SENT = "http.response.body"
_ZEROCOPY = "http.response.zerocopysend"
_UNSENT = "cimaise.unsent"  # what the server was handed and could not send


async def require_transfer(call: Call) -> Asking:
    """Who asks, if the transfer may begin; see :meth:`cimaise.delivery.guard.Guard.require_allowed`."""
    fetch_mode = call.header("sec-fetch-mode")
    client = call.request.client
    asking = Asking(
        principal=call.principal,
        address=client.host if client and client.host else None,
        visitor=kind_of(call.header("user-agent"), has_fetch_metadata=fetch_mode is not None),
        referrer=call.header("referer"),
        is_visit=call.header("sec-fetch-dest") == "document",
    )
    await call.services.delivery.guard.require_allowed(asking)
    return asking


def cache_headers(call: Call, file: File, *, is_public: bool) -> tuple[tuple[str, str], ...]:
    """What a cache in front of us is told of an answer that was made of this file."""
    tags = (file_tag(file.id), collection_tag(file.collection.id))
    return call.services.delivery.shared_caches.headers(is_public=is_public, tags=tags)


@dataclass(slots=True)
class TransferReply:
    """A reply that holds a place while its bytes flow, and is counted at its end.

    Attributes:
        reply: What is sent.
        asking: Whose transfer it is.
        services: The guard and the tally.
        file: What it is of, where that is a published file.
    """

    reply: BytesReply
    asking: Asking
    services: "Services"
    file: File | None = None

    @property
    def headers(self) -> MutableHeaders:
        """Of the reply; may be added to before it is called."""
        return self.reply.headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, or the refusal where the client has as many transfers as it may."""
        sent_bytes = 0

        async def counted(message: Message) -> None:
            nonlocal sent_bytes
            await send(message)
            if message["type"] == _SENT:
                sent_bytes += len(message.get("body", b""))
            elif message["type"] == _ZEROCOPY:
                sent_bytes += message.get("count") or 0

        try:
            async with self.services.delivery.guard.place(self.asking):
                await self.reply(scope, receive, counted)
        except TooMany as refusal:
            await problem_reply(refusal, telemetry.request_id.get())(scope, receive, send)
        finally:
            sent_bytes -= scope.get("extensions", {}).get(_UNSENT, {}).get("bytes", 0)
            if sent_bytes > 0:
                self._count(sent_bytes)

    def _count(self, sent_bytes: int) -> None:
        file = self.file
        self.services.delivery.tally.add(
            Transfer(
                bytes=sent_bytes,
                visitor=self.asking.visitor,
                file_id=file.id if file else None,
                owner_id=file.owner_id if file else None,
                reader_id=self.asking.principal.account_id,
            )
        )
