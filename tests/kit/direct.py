"""What the tests of direct uploads share."""

from tests.kit.uploading import MB, Uploading, zipped

SMALL = zipped(100_000)


LARGE = zipped(12 * MB)


async def assert_nothing_is_left(uploading: Uploading) -> None:
    state = await uploading.used()
    assert (state.daily_used, state.daily_files_used, state.total_used) == (0, 0, 0)
    assert await uploading.objects() == []
