"""What the process keeps to itself."""

import gc
from collections.abc import Iterator

import pytest

from cimaise.cli.serving.memory import settle


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_what_the_start_has_made_is_not_looked_at_again():
    made = [[number] for number in range(1000)]
    before = gc.get_freeze_count()
    settle()
    assert gc.get_freeze_count() >= before + len(made)
