from collections.abc import Iterator

import httpx2
import pytest

from tests.kit.application import Person, RunningApplication


@pytest.fixture
def hers(server: RunningApplication, ann: Person) -> Iterator[httpx2.Client]:
    with server.client(ann) as client:
        yield client


@pytest.fixture
def guest(server: RunningApplication) -> Iterator[httpx2.Client]:
    with server.client() as client:
        yield client
