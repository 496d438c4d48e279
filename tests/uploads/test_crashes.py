"""A process is killed at every await point of everything that moves bytes; nothing is left over.

After the clean-up there are no bytes without a row, no rows without bytes, and no quota that
nobody has. Where the client comes back, it gets the one file that it wanted.
"""

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cimaise.settings import StorageSettings
from tests.kit.backends import left_out
from tests.kit.crashing.operations import STORIES, Story
from tests.kit.crashing.runs import Death, Stage, Zygote, run, zygote
from tests.kit.s3 import CannotStart, S3Server, make_bucket, start_versitygw
from tests.kit.uploading import made_storage

SEED = int.from_bytes(b"crash")
MOST_POINTS = 400
SENDING = ("send", "overwrite", "a raw stream", "a form", "a tus")
QUIET = [story for story in STORIES if not story.name.startswith(SENDING)]
"""Stories in which no body is on its way: versitygw keeps one that broke off as if it were whole."""


@pytest.fixture(scope="module")
def dying() -> Iterator[Zygote]:
    with zygote() as started:
        yield started


@pytest.fixture(scope="module")
def versitygw(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    try:
        server = start_versitygw(tmp_path_factory.mktemp("versitygw"))
    except CannotStart as fault:
        left_out(str(fault))
    yield server
    server.stop()


def deaths(seed: int, *, stride: int) -> Iterator[Death]:
    """Deaths at every ``stride``-th await point, from a random one on.

    At each point once before and once after what is awaited there is done.
    """
    chance = random.Random(seed)
    for kill_at in range(1 + chance.randrange(stride), MOST_POINTS, stride):
        for is_after in (True, False):
            yield Death(
                kill_at,
                is_after=is_after,
                delay_s=0 if is_after else chance.choice([0, 0.001, 0.004]),
                client_returns=chance.random() < 0.5,
            )


async def assert_survives(
    stage: Stage, dying: Zygote, story: Story, *, stride: int, storage=None
) -> int:
    """Run the story until it is not killed any more; how many died."""
    for count, death in enumerate(deaths(SEED + len(story.name), stride=stride)):
        is_done, faults = await run(stage, dying, story, death, storage)
        assert not faults, (story.name, death, faults)
        if is_done:
            return count
    raise AssertionError("the story has no end")


@pytest.mark.slow
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
async def test_on_disk_nothing_is_left_wherever_the_process_dies(
    story: Story, dying: Zygote, tmp_path: Path, sqlite_template: bytes
):
    assert await assert_survives(Stage(tmp_path, sqlite_template), dying, story, stride=1) > 0


def bucket(server: S3Server, folder: Path) -> StorageSettings:
    return StorageSettings(
        url=server.url(make_bucket(server, f"crash-{abs(hash(folder))}")),
        access_key_id=server.access_key,
        secret_access_key=server.secret_key,
    )


async def assert_survives_in(
    settings: StorageSettings, stage: Stage, dying: Zygote, story: Story, *, stride: int
) -> None:
    storage = made_storage(settings, stage.folder, lambda: datetime.now(UTC))
    await assert_survives(stage, dying, story, stride=stride, storage=storage)
    await storage.close()


@pytest.mark.slow
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
async def test_in_a_bucket_nothing_is_left_wherever_the_process_dies(
    story: Story, dying: Zygote, tmp_path: Path, sqlite_template: bytes, swift: S3Server
):
    settings = bucket(swift, tmp_path)
    stage = Stage(tmp_path, sqlite_template, settings)
    await assert_survives_in(settings, stage, dying, story, stride=5)


@pytest.mark.slow
@pytest.mark.parametrize("story", QUIET, ids=lambda story: story.name)
async def test_on_another_server_nothing_is_left_wherever_the_process_dies(
    story: Story, dying: Zygote, tmp_path: Path, sqlite_template: bytes, versitygw: S3Server
):
    settings = bucket(versitygw, tmp_path)
    stage = Stage(tmp_path, sqlite_template, settings)
    await assert_survives_in(settings, stage, dying, story, stride=4)
