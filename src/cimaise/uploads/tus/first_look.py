"""The first bytes of an upload, judged as soon as there are enough of them."""

from typing import Final

from cimaise.uploads.inspect import judge
from cimaise.uploads.session import UploadSession
from cimaise.uploads.signatures.base import HEAD_BYTES
from cimaise.uploads.tus.sinks import Sink

_UNKNOWN_SIZE: Final = 1 << 62
"""Stands for a length that only the end will tell: no structure check may find it too short."""

_NO_LIMIT: Final = 1 << 62


class FirstLook:
    """Looks at a sink once. Nothing is held until then: thousands may be under way.

    Not at what comes with a checksum, which may be damaged, nor at one piece of several. The end
    judges all.
    """

    def __init__(self, session: UploadSession | None, sink: Sink) -> None:
        """``session`` says what the file is called; ``None``: nothing is looked at."""
        self._session = session
        self._sink = sink

    async def at(self, offset: int) -> int:
        """Look, if it is time for that.

        Args:
            offset: Bytes that the upload has.

        Returns:
            How many more bytes may come before it is time; at least 1.

        Raises:
            TypeNotAllowed: They cannot be what the file's name says.
        """
        session = self._session
        if session is not None and offset < HEAD_BYTES:
            return HEAD_BYTES - offset
        self._session = None
        if session is not None:
            head = await self._sink.head(HEAD_BYTES)
            if len(head) == HEAD_BYTES:
                judge(
                    head,
                    session.declared_size or _UNKNOWN_SIZE,
                    filename=session.filename,
                    declared_type=session.declared_type,
                )
        return _NO_LIMIT
