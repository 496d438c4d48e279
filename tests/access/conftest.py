from collections.abc import Callable

import pytest

from cimaise.access.keys.cache import KeyCache
from cimaise.database.engine import Database
from tests.conftest import StandingClock
from tests.kit.access import Access


@pytest.fixture
def access(database: Database, clock: StandingClock, new_id: Callable[[], str]) -> Access:
    return Access(database, clock, new_id, KeyCache(clock))
