from collections.abc import Iterator

import pytest

from tests.kit.application import Person, RunningApplication, running_application


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApplication]:
    """One server for the tests of a file."""
    with running_application(tmp_path_factory.mktemp("data")) as running:
        yield running


@pytest.fixture(scope="module")
def ann(server: RunningApplication) -> Person:
    return server.person("ann")
