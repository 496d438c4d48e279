"""One check of everything, and the mending of what can be mended."""

from collections.abc import AsyncIterator, Callable
from datetime import datetime
from functools import partial
from typing import Final

from sqlalchemy import Connection, func, select

from cimaise.access.policy import GUEST
from cimaise.database.audit import record
from cimaise.database.engine import Database
from cimaise.database.schema import discarded_objects
from cimaise.errors import CimaiseError, Unavailable, WrongState
from cimaise.library.deleted import forget_deleted
from cimaise.library.discarded import delete_discarded, note_discarded
from cimaise.library.files import find_file
from cimaise.library.publication import withdraw
from cimaise.storage.base import Storage
from cimaise.uploads import session as sessions
from cimaise.uploads.discard import end
from cimaise.uploads.fsck.counts import mend_count, wrong_counts
from cimaise.uploads.fsck.findings import Finding, FsckReport, Kind
from cimaise.uploads.fsck.objects import compare_objects, lost_uploads, unknown_parts
from cimaise.uploads.fsck.sums import mend_sum, wrong_sums
from cimaise.uploads.session import State

_TOO_MANY: Final = 10
"""With more files without bytes than this, and more than half of all, the storage is another one."""

OnFinding = Callable[[Finding], None]


class Fsck:
    """Compares database and storage both ways, in constant memory, while the server runs."""

    def __init__(self, database: Database, storage: Storage, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._storage = storage
        self._clock = clock

    async def run(self, *, repair: bool = False, on_finding: OnFinding | None = None) -> FsckReport:
        """Look at everything; with ``repair`` also mend what can be mended.

        Bytes that nobody needs are written down and deleted, parts aborted, sums and counts set right, and
        files whose bytes are gone are withdrawn. What has other bytes than were published is
        only told: nobody knows which are right.

        Raises:
            WrongState: More than half of all files have no bytes: that is not damage, that is
                another storage than the one that they are in. Nothing of them is changed.
            Unavailable: The database or the storage is away.
        """
        report = FsckReport()
        missing: list[Finding] = []
        async for finding in self._all(report):
            report.add(finding)
            if on_finding is not None:
                on_finding(finding)
            if repair and finding.kind is Kind.MISSING_OBJECT:
                missing.append(finding)
            elif repair:
                await self._mend(finding, report)
        report.waiting = await self._database.read(_count_waiting)
        if missing:
            _require_same_storage(report)
            for finding in missing:
                await self._mend(finding, report)
        if report.mended[Kind.ORPHAN_OBJECT] or missing:
            await delete_discarded(self._database, self._storage, now=self._clock())
        return report

    async def _all(self, report: FsckReport) -> AsyncIterator[Finding]:
        async for finding in compare_objects(self._database, self._storage, report):
            yield finding
        async for finding in lost_uploads(self._database, self._storage):
            yield finding
        async for finding in unknown_parts(self._database, self._storage):
            yield finding
        for wrong in (wrong_sums, wrong_counts):
            for finding in await self._database.read(wrong):
                yield finding

    async def _mend(self, finding: Finding, report: FsckReport) -> None:
        if finding.kind is Kind.WRONG_SIZE:
            return
        if finding.kind is Kind.UNKNOWN_PARTS:
            assert self._storage.multipart is not None
            await self._storage.multipart.abort(finding.subject, finding.storage_upload_id or "")
        try:
            await self._database.write(partial(self._mend_rows, finding=finding))
        except Unavailable:
            raise
        except CimaiseError:
            return  # changed meanwhile; the next check tells
        report.mended[finding.kind] += 1

    def _mend_rows(self, connection: Connection, *, finding: Finding) -> None:
        now = self._clock()
        if finding.kind is Kind.ORPHAN_OBJECT:
            note_discarded(
                connection, [finding.subject], not_before=now, reason="orphan", size=finding.bytes
            )
        elif finding.kind is Kind.MISSING_OBJECT:
            if not forget_deleted(connection, finding.subject, now=now):
                file = find_file(connection, finding.subject, GUEST)
                withdraw(connection, file, account_id=None, now=now)
        elif finding.kind is Kind.MISSING_UPLOAD:
            session = sessions.find(connection, finding.subject)
            end(connection, session, State.EXPIRED, now=now, reason="its bytes are gone")
        elif finding.kind is Kind.WRONG_SUM:
            mend_sum(connection, finding)
        elif finding.kind is Kind.WRONG_COUNT:
            mend_count(connection, finding.subject)
        record(
            connection, at=now, account_id=None, action=f"fsck.{finding.kind}",
            subject=finding.subject, details={"detail": finding.detail, "bytes": finding.bytes},
        )  # fmt: skip


def _count_waiting(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(discarded_objects)).scalar_one()


def _require_same_storage(report: FsckReport) -> None:
    missing = report.counts[Kind.MISSING_OBJECT]
    if missing > _TOO_MANY and missing * 2 > report.files:
        raise WrongState(
            f"{missing} of {report.files} files have no bytes: is this the storage that they are in?"
            " Nothing was withdrawn."
        )
