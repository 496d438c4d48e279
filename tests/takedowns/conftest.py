from collections.abc import Iterator
from pathlib import Path

import pytest

from cimaise.access.policy import Role
from tests.kit.application import Person, RunningApplication, running_application


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningApplication]:
    with running_application(tmp_path) as running:
        yield running


@pytest.fixture
def ann(server: RunningApplication) -> Person:
    return server.person("ann")


@pytest.fixture
def root(server: RunningApplication) -> Person:
    return server.person("root", Role.ADMIN)
