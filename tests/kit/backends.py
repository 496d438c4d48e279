"""Which real servers a run has: in CI all of them, elsewhere it says plainly what it left out."""

import os
from typing import Any, NoReturn

import pytest


def left_out(reason: str) -> NoReturn:
    """Skip with the reason; where nothing may be left out (``CI``), fail with it."""
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def further(*values: Any) -> list[Any]:
    """More parameters, beside the first, that keep the same promise (backends, mostly): slow."""
    return [pytest.param(value, marks=pytest.mark.slow) for value in values]
