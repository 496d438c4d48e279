"""The parts of one upload, several at once, each with fresh URLs for as long as it needs them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from functools import partial
from typing import Final

from cimaise.cli.uploading.api import Api, Session, refusal
from cimaise.cli.uploading.source import OnBytes, Source, read_slice, require_unchanged
from cimaise.cli.uploading.transport import Answer, Transport
from cimaise.errors import UpstreamFailed

RENEWALS: Final = 3
"""How often in a row a part's URL may be refused."""

_URLS_AT_ONCE: Final = 100
_OK: Final = 200
_FORBIDDEN: Final = 403


class PartUrls:
    """URLs of the parts that are still to be sent, asked for before they are needed."""

    def __init__(self, api: Api, session: Session, missing: Iterable[int]) -> None:
        self._api = api
        self._upload_id = session.id
        self._missing = sorted(missing)
        self._known = {part.part_number: part.url for part in session.parts}
        self._one_asks = asyncio.Lock()

    async def get(self, number: int) -> str:
        """The URL of a part."""
        async with self._one_asks:
            if number not in self._known:
                following = [other for other in self._missing if other >= number]
                wanted = following[:_URLS_AT_ONCE]
                self._known |= await self._api.fresh_urls(self._upload_id, wanted)
            return self._known[number]

    def refused(self, number: int, url: str) -> None:
        """This URL is no good any more; neither are those that came with it."""
        if self._known.get(number) == url:
            self._known.clear()


class Meter:
    """Counts what has gone out of one body; what is sent again is taken off first."""

    def __init__(self, on_bytes: OnBytes) -> None:
        self._on_bytes = on_bytes
        self._counted = 0

    def add(self, count: int) -> None:
        """Bytes have gone out."""
        self._counted += count
        self._on_bytes(count)

    def restart(self) -> None:
        """The body begins again."""
        self._on_bytes(-self._counted)
        self._counted = 0


async def send_slice(
    transport: Transport,
    source: Source,
    url: str,
    span: tuple[int, int],
    *,
    headers: Mapping[str, str],
    meter: Meter,
) -> Answer:
    """PUT the bytes of ``span`` (start, stop), with their exact length.

    Raises:
        PreconditionFailed: The file is not what it was.
        UpstreamFailed: Nobody answers.
    """
    start, stop = span

    def body() -> AsyncIterator[bytes]:
        meter.restart()
        return read_slice(source, start, stop, meter.add)

    answer = await transport.send(
        "PUT",
        url,
        headers={
            "Content-Type": "application/octet-stream",
            **headers,
            "Content-Length": str(stop - start),
        },
        body=body,
        before_each=partial(require_unchanged, source),
    )
    if answer.status != _OK:
        meter.restart()
    return answer


class PartSender:
    """Sends what is missing of one session."""

    def __init__(
        self,
        api: Api,
        transport: Transport,
        source: Source,
        session: Session,
        *,
        on_bytes: OnBytes,
        on_part: Callable[[int, str], None],
    ) -> None:
        """Nothing is sent yet.

        Args:
            api: For fresh URLs.
            transport: For the bytes.
            source: What is sent.
            session: Where to.
            on_bytes: Told of every chunk.
            on_part: Told number and ETag of every part that has arrived.
        """
        self._api = api
        self._transport = transport
        self._source = source
        self._session = session
        self._on_bytes = on_bytes
        self._on_part = on_part

    async def send(self, missing: Iterable[int], *, parallel: int) -> None:
        """Send the parts; the first that fails for good ends the others.

        Raises:
            PreconditionFailed: The file is not what it was.
            CimaiseError: What the server, or its storage, refused.
        """
        numbers = sorted(missing)
        urls = PartUrls(self._api, self._session, numbers)
        waiting = iter(numbers)

        async def lane() -> None:
            for number in waiting:
                self._on_part(number, await self._send_part(number, urls))

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(parallel, len(numbers))):
                    group.create_task(lane())
        except BaseExceptionGroup as faults:
            raise faults.exceptions[0] from None

    async def _send_part(self, number: int, urls: PartUrls) -> str:
        start = (number - 1) * self._session.part_size
        span = start, min(start + self._session.part_size, self._source.size)
        meter = Meter(self._on_bytes)
        for _ in range(RENEWALS + 1):
            url = await urls.get(number)
            answer = await send_slice(
                self._transport, self._source, url, span, headers={}, meter=meter
            )
            if answer.status != _FORBIDDEN:
                break
            urls.refused(number, url)
        if answer.status != _OK:
            raise refusal(answer)
        etag = answer.headers.get("ETag")
        if not etag:
            raise UpstreamFailed(f"The storage gave no ETag for part {number}.")
        return etag
