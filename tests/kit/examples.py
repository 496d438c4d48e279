"""How many examples Hypothesis makes: all of them in CI, some elsewhere."""

import os

EVERYWHERE_ELSE = 10  # one of ten, and never fewer than this


def examples(count: int) -> int:
    """Of ``count`` examples, how many this run makes."""
    if os.environ.get("CI"):
        return count
    return min(count, max(count // 10, EVERYWHERE_ELSE))
