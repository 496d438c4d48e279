from collections.abc import Iterator

import httpx2
import pytest

from tests.kit.application import Person, RunningApplication
from tests.kit.sending import make_collection


@pytest.fixture
def ann_client(server: RunningApplication, ann: Person) -> Iterator[httpx2.Client]:
    with server.client(ann) as client:
        yield client


@pytest.fixture
def guest(server: RunningApplication) -> Iterator[httpx2.Client]:
    with server.client() as client:
        yield client


@pytest.fixture
def collection(server: RunningApplication, ann_client: httpx2.Client) -> str:
    return make_collection(server, ann_client)
