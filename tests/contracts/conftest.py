"""Every storage backend, each on the real thing."""

import itertools
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cimaise.settings import StorageSettings
from cimaise.storage.base import Storage
from cimaise.storage.measured import MeasuredStorage
from cimaise.storage.table import open_storage
from tests.kit.backends import further
from tests.kit.s3 import (
    NO_VERSITYGW,
    S3Server,
    make_bucket,
    versitygw_binary,
)

_numbers = itertools.count(1)
MIB = 1024 * 1024
VERSITYGW = pytest.param(
    "versitygw",
    marks=[
        pytest.mark.slow,
        pytest.mark.skipif(versitygw_binary() is None, reason=NO_VERSITYGW),
    ],
)


@dataclass(frozen=True)
class Backend:
    """A kind of storage, and what a test must know of it.

    Attributes:
        name: As in the ids of tests.
        url: ``CIMAISE_STORAGE_URL``.
        server: Set for S3.
        part_size: Bytes of a part, as small as the backend allows.
        publishes_halves: A broken-off body becomes an object: a flaw of the server that no client
            can mend.
        takes_late_parts: A completed upload takes parts as long as its object is at its key;
            another such flaw. It is why what was uploaded is moved before it is published.
    """

    name: str
    url: str
    server: S3Server | None
    part_size: int
    publishes_halves: bool = False
    takes_late_parts: bool = False

    def settings(self) -> StorageSettings:
        """The settings that open it."""
        if self.server is None:
            return StorageSettings(url=self.url)
        return StorageSettings(
            url=self.url,
            access_key_id=self.server.access_key,
            secret_access_key=self.server.secret_key,
        )


def new_bucket(server: S3Server) -> str:
    """An empty bucket of its own for a test."""
    return make_bucket(server, f"bucket-{os.getpid()}-{next(_numbers)}")


@pytest.fixture(params=["memory", "filesystem", *further("measured", "swift"), VERSITYGW])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    """Each kind in turn, empty."""
    name: str = request.param
    if name in ("swift", "versitygw"):
        server: S3Server = request.getfixturevalue(name)
        url = server.url(new_bucket(server), "below/this")
        return Backend(
            name,
            url,
            server,
            5 * MIB,
            publishes_halves=name == "versitygw",
            takes_late_parts=name == "swift",
        )
    url = "memory:" if name == "memory" else f"file://{tmp_path / 'storage'}"
    return Backend(name, url, None, 1000)


@pytest.fixture
async def reopen(backend: Backend, tmp_path: Path) -> AsyncIterator[Callable[..., Storage]]:
    """Opens the backend's storage, as often as it is called; all are closed at the end."""
    opened: list[Storage] = []

    def opener(**more: Any) -> Storage:
        """``more`` is settings by name, and ``now``."""
        now = more.pop("now", lambda: datetime.now(UTC))
        storage = open_storage(
            replace(backend.settings(), **more),
            data_dir=tmp_path,
            signing_secret=b"a secret of the tests",
            public_url="https://media.example",
            now=now,
        )
        if backend.name == "measured":
            storage = MeasuredStorage(storage, lambda _: None)
        opened.append(storage)
        return storage

    yield opener
    for storage in opened:
        await storage.close()


@pytest.fixture
async def storage(reopen: Callable[..., Storage]) -> Storage:
    """An empty storage of each kind in turn."""
    return reopen()
