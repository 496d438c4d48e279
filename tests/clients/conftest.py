"""A server behind a network that can break, on disk and on a real S3 server."""

from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from cimaise.settings import Settings
from tests.kit.application import Person, RunningApplication, running_application
from tests.kit.backends import further
from tests.kit.bad_network import BadNetwork, bad_network
from tests.kit.s3 import S3Server
from tests.kit.served_storage import ServedStorage, bucket_of


@pytest.fixture(scope="module")
def network() -> Iterator[BadNetwork]:
    """Between clients and the server."""
    with bad_network() as made:
        yield made


@pytest.fixture(scope="module", params=["disk", *further("swift")])
def server(
    request: pytest.FixtureRequest,
    network: BadNetwork,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RunningApplication]:
    """One server for the tests of a file; every address that it tells leads through the network."""
    storage = ServedStorage("disk")
    if request.param != "disk":
        swift: S3Server = request.getfixturevalue("swift")
        storage = bucket_of(swift, "swift", f"clients-{network.port}")

    def change(settings: Settings) -> Settings:
        network.lead_to(settings.server.port)
        server = replace(settings.server, public_url=network.url)
        return storage.adapt(replace(settings, server=server))

    with running_application(tmp_path_factory.mktemp("data"), change) as running:
        assert urlsplit(running.url).port == network.port
        yield running


@pytest.fixture(scope="module")
def ann(server: RunningApplication) -> Person:
    return server.person("ann")
