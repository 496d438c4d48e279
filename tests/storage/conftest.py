import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import boto3
import pytest

from cimaise.storage.filesystem import FilesystemStorage


@pytest.fixture(scope="session", autouse=True)
def _one_boto_session() -> Iterator[None]:
    """Each new one reads megabytes of JSON, which takes longer than most tests here."""
    session = boto3.session.Session()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(boto3.session, "Session", lambda: session)
        yield


@pytest.fixture
def names() -> Callable[[], str]:
    """Texts in a row, in the place of chance."""
    numbers = itertools.count(1)
    return lambda: f"random{next(numbers):026}"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "storage"


@pytest.fixture
async def storage(root: Path, names: Callable[[], str]) -> AsyncIterator[FilesystemStorage]:
    opened = FilesystemStorage(root, urls=None, random=names)
    yield opened
    await opened.close()
