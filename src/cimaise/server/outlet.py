"""What leaves by one connection: bytes through the transport, files past it, and how it goes."""

import asyncio

from cimaise.server.limits import Progress, held_by_kernel
from cimaise.server.sendfile import ColdReader, FileSender


class Outlet:
    """The sending half of a connection. It has one user at a time.

    Attributes:
        is_paused: The client does not keep up.
    """

    __slots__ = (
        "_cold",
        "_drained",
        "_is_lost",
        "_loop",
        "_progress",
        "_sender",
        "_sent_before",
        "_transport",
        "_was_empty",
        "_written",
        "is_paused",
    )

    def __init__(
        self, loop: asyncio.AbstractEventLoop, transport: asyncio.Transport, cold: ColdReader
    ) -> None:
        self._loop = loop
        self._transport = transport
        self._cold = cold
        self._sender: FileSender | None = None
        self._drained: asyncio.Future[None] | None = None
        self._progress = Progress()
        self._written = 0
        self._sent_before = 0
        self._is_lost = False
        self._was_empty = False
        self.is_paused = False

    @property
    def sent_by_file(self) -> int:
        """Bytes of files, and of the heads before them, that the kernel has taken, ever."""
        return self._sent_before if self._sender is None else self._sender.sent

    def pause(self) -> None:
        """The client does not keep up: :meth:`drain` waits from now on."""
        if self._drained is None:
            self._drained, self.is_paused = self._loop.create_future(), True

    def resume(self) -> None:
        """It does again, or nobody listens any more."""
        drained, self._drained, self.is_paused = self._drained, None, False
        if drained is not None and not drained.done():
            drained.set_result(None)

    def lose(self) -> None:
        """The client has gone: give back what was taken, let nobody wait."""
        self._is_lost = True
        if self._sender is not None:
            self._sent_before = self._sender.sent
            self._sender.close()
            self._sender = None
        self.resume()

    def write(self, data: bytes) -> None:
        """Hand bytes to the transport."""
        self._written += len(data)
        self._transport.write(data)

    def write_both(self, head: bytes, body: bytes) -> None:
        """Hand a head and its body to the transport, without joining them."""
        self._written += len(head) + len(body)
        if body:
            self._transport.writelines((head, body))
        else:
            self._transport.write(head)

    async def drain(self) -> None:
        """Wait while the client does not keep up."""
        if self._drained is not None:
            await asyncio.shield(self._drained)

    async def send_file(self, head: bytes, file: int, offset: int, count: int) -> None:
        """Send a head and a stretch of a file past the transport.

        Raises:
            BrokenTransfer: The file is shorter, or cannot be read.
            ConnectionError: The client has gone.
        """
        await self._flush()
        if self._is_lost or self._transport.is_closing():
            raise ConnectionResetError("The client has gone.")
        try:
            await self._file_sender().send(head, file, offset, count)
        except ConnectionError:
            self._transport.abort()
            raise

    def send_file_now(self, head: bytes, file: int, offset: int, count: int) -> int:
        """See :meth:`FileSender.send_now`; nothing passes what the transport has left."""
        transport = self._transport
        if self._is_lost or transport.is_closing() or transport.get_write_buffer_size():
            return 0
        return self._file_sender().send_now(head, file, offset, count)

    def _file_sender(self) -> FileSender:
        if self._sender is None:
            descriptor = self._transport.get_extra_info("socket").fileno()
            self._sender = FileSender(self._loop, descriptor, self._cold)
        return self._sender

    async def _flush(self) -> None:
        """Until the transport itself has nothing left."""
        if self._transport.get_write_buffer_size():
            self._transport.set_write_buffer_limits(0)
            await self.drain()
            self._transport.set_write_buffer_limits()

    def is_spent(self) -> bool:
        """The client has everything, at this look and at the last one.

        TLS need not wait for the client's answer to the end (RFC 8446 §6.1); the event loops wait
        half a minute. One look is not enough: what the kernel had may have gone just now, and the
        loop may hold more.
        """
        was_empty = self._was_empty
        descriptor = self._transport.get_extra_info("socket").fileno()
        unsent = self._transport.get_write_buffer_size() or held_by_kernel(descriptor)
        self._was_empty = not unsent
        return was_empty and not unsent

    def rest(self) -> None:
        """An answer is whole."""
        self._progress.rest()

    def stalled_s(self, now_s: float) -> float | None:
        """Seconds since the client took a byte of what is being sent; ``None``: nothing is."""
        sender, unsent = self._sender, self._transport.get_write_buffer_size()
        if not unsent and (sender is None or not sender.is_sending):
            self._progress.rest()
            return None
        sent = self._written + (0 if sender is None else sender.sent)
        descriptor = self._transport.get_extra_info("socket").fileno()
        return self._progress.stalled_s(now_s, sent=sent, unsent=unsent, descriptor=descriptor)
