"""The way of one file: its session on the server, its record here, its bytes in between."""

from typing import Final

from cimaise.cli.uploading.api import Api, Completed, Session, refusal
from cimaise.cli.uploading.parts import RENEWALS, Meter, PartSender, send_slice
from cimaise.cli.uploading.progress import Display
from cimaise.cli.uploading.records import Record, Records, Ticket
from cimaise.cli.uploading.source import require_unchanged, sha256_base64
from cimaise.cli.uploading.transport import Transport
from cimaise.errors import CimaiseError, Forbidden, Gone, NotFound, WrongState

_GOES_ON: Final = frozenset({"pending", "uploading", "completing"})
_IS_THERE: Final = frozenset({"uploaded", "published"})
_ROUNDS: Final = 3
_OK: Final = 200
_FORBIDDEN: Final = 403


class Errand:
    """One upload, from whatever an earlier run left to the verified file."""

    def __init__(
        self,
        *,
        api: Api,
        transport: Transport,
        records: Records,
        display: Display,
        ticket: Ticket,
        parallel: int,
    ) -> None:
        self._api = api
        self._transport = transport
        self._records = records
        self._display = display
        self._ticket = ticket
        self._source = ticket.source
        self._parallel = parallel
        self._record: Record | None = None

    async def run(self) -> Completed:
        """Send what is missing and have it verified.

        Raises:
            PreconditionFailed: The file is not what it was: :meth:`give_up`.
            CimaiseError: What was refused for good.
        """
        session = await self._resumed() or await self._begun()
        done = session.received_bytes if session.strategy == "single" else self._arrived(session)
        self._display.begin(self._source.path.name, total=self._source.size, done=done)
        try:
            if session.state in _IS_THERE:
                return await self._api.complete(session.id, {})
            if session.received_bytes == self._source.size and not session.uploaded_parts:
                # joined by a server that died before it could say so
                return await self._api.complete(session.id, self._etags())
            if session.strategy == "single":
                return await self._send_single(session)
            return await self._send_parts(session)
        finally:
            self._display.end()

    async def give_up(self) -> None:
        """Forget the upload here and end it there."""
        self._records.forget(self._ticket)
        if self._record is None:
            return
        try:
            await self._api.abort(self._record.upload_id)
        except CimaiseError:
            pass  # the server ends it by itself when its time is over

    async def _begun(self) -> Session:
        checksum = await sha256_base64(self._source) if self._ticket.checked else None
        session = await self._api.create(
            self._ticket.collection, self._source.path.name, self._source.size, checksum
        )
        self._remember(Record(session.id, path=str(self._source.path)))
        return session

    async def _resumed(self) -> Session | None:
        """The session of an earlier run, if there is one that can go on."""
        record = self._records.load(self._ticket)
        if record is None:
            return None
        try:
            session = await self._api.progress(record.upload_id)
        except (NotFound, Gone, Forbidden):
            return None
        if session.state not in _GOES_ON | _IS_THERE:
            return None
        self._record = record
        if session.strategy == "single" and session.received_bytes < session.size:
            await self.give_up()  # its one URL was given out once only
            return None
        if session.uploaded_parts or session.received_bytes < session.size:
            self._keep_what_arrived(session)
        return session

    def _keep_what_arrived(self, session: Session) -> None:
        """Leave in the record only parts that the server has as they were sent."""
        assert self._record is not None
        there = {part.part_number: part.etag for part in session.uploaded_parts}
        for number, etag in list(self._record.etags.items()):
            if there.get(number) != etag:
                del self._record.etags[number]
        self._remember(self._record)

    def _etags(self) -> dict[int, str]:
        return dict(self._record.etags) if self._record is not None else {}

    def _remember(self, record: Record) -> None:
        self._record = record
        self._records.save(self._ticket, record)

    def _arrived(self, session: Session) -> int:
        assert self._record is not None
        start_of_last = (session.part_count - 1) * session.part_size
        return sum(
            self._source.size - start_of_last if number == session.part_count else session.part_size
            for number in self._record.etags
        )

    async def _send_single(self, session: Session) -> Completed:
        """Send all in one request; where its URL has expired, begin again for another one."""
        meter = Meter(self._display.advance)
        for _ in range(RENEWALS + 1):
            if session.received_bytes == self._source.size:
                break
            answer = await send_slice(
                self._transport,
                self._source,
                session.url,
                (0, self._source.size),
                headers=session.headers,
                meter=meter,
            )
            if answer.status == _OK:
                break
            if answer.status != _FORBIDDEN:
                raise refusal(answer)
            await self.give_up()
            session = await self._begun()
        else:
            raise refusal(answer)
        require_unchanged(self._source)
        return await self._api.complete(session.id, {})

    async def _send_parts(self, session: Session) -> Completed:
        """Send the missing parts and join them; parts that the server then misses are sent again."""
        record = self._record
        assert record is not None

        def arrived(number: int, etag: str) -> None:
            record.etags[number] = etag
            self._remember(record)

        sender = PartSender(
            self._api,
            self._transport,
            self._source,
            session,
            on_bytes=self._display.advance,
            on_part=arrived,
        )
        for last in (False,) * (_ROUNDS - 1) + (True,):
            missing = set(range(1, session.part_count + 1)) - record.etags.keys()
            await sender.send(missing, parallel=self._parallel)
            require_unchanged(self._source)
            try:
                return await self._api.complete(session.id, record.etags)
            except WrongState as fault:
                if fault.code != "part_mismatch" or last:
                    raise
            before = self._arrived(session)
            self._keep_what_arrived(await self._api.progress(session.id))
            self._display.advance(self._arrived(session) - before)
        raise AssertionError("the last round returns or raises")
