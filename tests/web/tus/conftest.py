from collections.abc import Iterator

import pytest

from tests.kit.application import Person, RunningApplication
from tests.kit.sending import make_collection
from tests.kit.tus_http import Client


@pytest.fixture
def tus(server: RunningApplication, ann: Person) -> Iterator[Client]:
    with server.client(ann) as client, server.client() as guest:
        yield Client(client, guest, make_collection(server, client))
