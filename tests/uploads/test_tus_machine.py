"""Any order of requests, breaks, take-overs and restarts: the file is what was sent."""

import asyncio
import itertools
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from cimaise.database.engine import open_database
from cimaise.errors import ClientGone, Invalid, TooLarge, WrongState
from cimaise.rfc.tus import Checksum
from cimaise.settings import StorageSettings
from tests.conftest import StandingClock
from tests.kit.bodies import content
from tests.kit.examples import examples
from tests.kit.tus import Halting, Tus, broken, sha1
from tests.kit.uploading import Uploading, made_storage

PART = 700
SIZES = st.integers(min_value=0, max_value=3 * PART)
STEPS = st.integers(min_value=1, max_value=2 * PART)


class Machine(RuleBasedStateMachine):
    """One upload, two processes, one client that knows what was kept."""

    template: bytes
    kind: str

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="tus-machine-"))
        self.runner = asyncio.Runner()
        self.whole = content(10 * PART + 123, seed=1)
        self.offset = 0
        self.run(self.begin())

    def run(self, work: Any) -> Any:
        return self.runner.run(work)

    async def begin(self) -> None:
        (self.folder / "test.db").write_bytes(self.template)
        numbers = itertools.count(1)
        clock = StandingClock()
        self.uploading = Uploading(
            open_database(f"sqlite:///{self.folder}/test.db", data_dir=self.folder),
            made_storage(
                StorageSettings(
                    url="memory:" if self.kind == "memory" else f"file://{self.folder}/storage"
                ),
                self.folder,
                clock,
            ),
            clock,
            lambda: f"id{next(numbers):06}",
        )
        await self.uploading.prepare()
        self.tus = Tus(self.uploading, part_bytes=PART)
        self.upload = await self.tus.create(None, "noise.bin")

    def teardown(self) -> None:
        try:
            self.run(self.finish())
        finally:
            self.runner.close()
            shutil.rmtree(self.folder)

    async def finish(self) -> None:
        rest, length = self.whole[self.offset :], len(self.whole)
        assert await self.tus.send(self.upload, self.offset, rest, length=length) == length
        assert await self.tus.published(self.upload) == self.whole
        assert len(await self.tus.clean_up()) == 1
        assert (await self.uploading.used()).total_used == length
        await self.uploading.storage.close()
        self.uploading.database.close()

    def piece(self, size: int) -> bytes:
        return self.whole[self.offset : self.offset + size]

    @property
    def is_room(self) -> bool:
        return self.offset < len(self.whole)

    @rule(size=SIZES, step=STEPS)
    def send(self, size: int, step: int) -> None:
        piece = self.piece(size)
        told = self.run(self.tus.send(self.upload, self.offset, piece, step=step))
        self.offset += len(piece)
        assert told == self.offset

    @rule(size=SIZES, step=STEPS)
    def break_off(self, size: int, step: int) -> None:
        piece = self.piece(size)
        rest = self.whole[self.offset :]
        with pytest.raises(ClientGone):
            self.run(self.tus.send(self.upload, self.offset, rest, chunks=broken(piece, step)))
        self.offset += len(piece)

    @rule(size=SIZES, step=STEPS)
    def send_verified(self, size: int, step: int) -> None:
        piece = self.piece(size)
        work = self.tus.send(self.upload, self.offset, piece, step=step, checksum=sha1(piece))
        self.offset += len(piece)
        assert self.run(work) == self.offset

    @rule(size=SIZES, step=STEPS)
    def send_damaged(self, size: int, step: int) -> None:
        wrong = Checksum("sha1", bytes(20))
        with pytest.raises(Invalid):
            self.run(
                self.tus.send(self.upload, self.offset, self.piece(size), step=step, checksum=wrong)
            )

    @rule(size=SIZES)
    def break_off_unverified(self, size: int) -> None:
        piece = self.piece(size)
        with pytest.raises(ClientGone):
            self.run(
                self.tus.send(
                    self.upload, self.offset, piece, chunks=broken(piece), checksum=sha1(piece)
                )
            )

    @rule()
    def send_too_much(self) -> None:
        async def overflow() -> None:
            length = len(self.whole)
            upload = await self.tus.create(length, "noise.bin")
            await self.tus.send(upload, 0, self.whole[:PART])
            with pytest.raises(TooLarge):
                await self.tus.send(upload, PART, self.whole, is_size_known=False)
            assert await self.tus.offset(upload) == PART
            await self.tus.door.terminate(upload)

        self.run(overflow())

    @rule(wrong=st.integers(min_value=0, max_value=11 * PART))
    def send_elsewhere(self, wrong: int) -> None:
        if wrong != self.offset:
            with pytest.raises(WrongState):
                self.run(self.tus.send(self.upload, wrong, b"xyz"))

    @rule()
    def ask(self) -> None:
        assert self.run(self.tus.offset(self.upload)) == self.offset

    @rule()
    def restart(self) -> None:
        self.tus = self.tus.another()

    @precondition(lambda self: self.is_room)
    @rule(size=SIZES, is_elsewhere=st.booleans())
    def take_over(self, size: int, is_elsewhere: bool) -> None:
        self.run(self.overtake(self.piece(size), is_elsewhere))

    async def overtake(self, piece: bytes, is_elsewhere: bool) -> None:
        body = Halting(piece, self.whole[self.offset + len(piece) :])
        rest = self.whole[self.offset :]
        older = asyncio.create_task(
            self.tus.send(self.upload, self.offset, rest, chunks=aiter(body))
        )
        await body.halts.wait()
        later = self.tus.another() if is_elsewhere else self.tus
        told = await later.offset(self.upload)
        if is_elsewhere:
            assert self.offset <= told <= self.offset + len(piece)
        else:
            assert told == self.offset + len(piece)
        body.goes_on.set()
        with pytest.raises(WrongState):
            await older
        assert await later.offset(self.upload) == told
        self.offset = told


@pytest.mark.parametrize("kind", ["memory", "file"])
def test_any_order_of_anything_gives_the_file_that_was_sent(sqlite_template: bytes, kind: str):
    made: Any = type("Case", (Machine,), {"template": sqlite_template, "kind": kind})
    case = made.TestCase
    case.settings = settings(max_examples=examples(25), stateful_step_count=12)
    case().runTest()
