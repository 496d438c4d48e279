"""The raw door: the request's body is the file, of known or unknown length."""

from collections.abc import AsyncIterable

from cimaise.access.policy import Principal
from cimaise.library.model import File
from cimaise.uploads.publish import Caption
from cimaise.uploads.session import UploadSession
from cimaise.uploads.streaming import Incoming, Streams


async def receive_raw(
    streams: Streams,
    principal: Principal,
    incoming: Incoming,
    chunks: AsyncIterable[bytes],
    *,
    collection: str,
) -> tuple[UploadSession, File | None]:
    """Take one file and publish it, unless the collection's policy says ``separately``.

    Raises:
        CimaiseError: See :meth:`Streams.receive` and :meth:`Streams.finish`.
    """
    received = await streams.receive(principal, incoming, chunks)
    done = await streams.finish(principal, [received], collection=collection, caption=Caption())
    return done[0]
