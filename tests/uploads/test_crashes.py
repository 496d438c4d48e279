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
from tests.kit.crashing.operations import STORIES, Story
from tests.kit.crashing.runs import Death, Stage, Zygote, run, zygote
from tests.kit.s3 import S3Server, make_bucket
from tests.kit.uploading import made_storage

SEED = int.from_bytes(b"crash")
MOST_POINTS = 400


@pytest.fixture(scope="module")
def dying() -> Iterator[Zygote]:
    with zygote() as started:
        yield started


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


@pytest.mark.slow
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
async def test_in_a_bucket_nothing_is_left_wherever_the_process_dies(
    story: Story, dying: Zygote, tmp_path: Path, sqlite_template: bytes, swift: S3Server
):
    settings = StorageSettings(
        url=swift.url(make_bucket(swift, f"crash-{abs(hash(tmp_path))}")),
        access_key_id=swift.access_key,
        secret_access_key=swift.secret_key,
    )
    stage = Stage(tmp_path, sqlite_template, settings)
    storage = made_storage(settings, tmp_path, lambda: datetime.now(UTC))
    assert await assert_survives(stage, dying, story, stride=3, storage=storage) > 0
    await storage.close()
