"""The body of a request, as features take it: chunk by chunk, or poured where the server can."""

from collections.abc import AsyncIterator
from typing import Final

from starlette.requests import ClientDisconnect, Request

from cimaise.errors import ClientGone
from cimaise.storage.bodies import Piece, Pour, Take

POURED: Final = "poured_bytes"
"""Of a request's state: bytes of the body that came by no message."""

_EXTENSION: Final = "cimaise.pour"
_GONE: Final = "The client closed the connection."


class Body:
    """Iterate over it, or pour it; the first who does either has it.

    Attributes:
        pour: See :data:`cimaise.storage.bodies.Pour`; ``None`` where the server has no such thing.
    """

    def __init__(self, request: Request) -> None:
        self._request = request
        self._chunks = self._stream()
        offered = request.scope.get("extensions", {}).get(_EXTENSION)
        self._offered: Pour | None = offered["pour"] if offered else None
        self.pour: Pour | None = self._pour if offered else None

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        return await anext(self._chunks)

    async def _stream(self) -> AsyncIterator[bytes]:
        """The body as it comes. ``ClientGone`` where it breaks off: never a clean short end."""
        try:
            async for chunk in self._request.stream():
                if chunk:
                    yield chunk
        except ClientDisconnect as fault:
            raise ClientGone(_GONE) from fault

    async def _pour(self, take: Take, most: int, *, by_pipe: bool = False) -> bool:
        assert self._offered is not None
        facts = self._request.scope.setdefault("state", {})

        def counted(piece: Piece) -> None:
            facts[POURED] = facts.get(POURED, 0) + len(piece)
            take(piece)

        try:
            return await self._offered(counted, most, by_pipe=by_pipe)
        except ConnectionError as fault:
            await self._request.receive()  # so everybody in between learns of it
            raise ClientGone(_GONE) from fault
