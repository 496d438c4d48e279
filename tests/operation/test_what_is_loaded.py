"""Memory: what most servers never use is not loaded by them."""

import subprocess
import sys

SELDOM_USED = "aiohttp cryptography joserfc botocore alembic zxcvbn psycopg redis PIL numpy"


def test_a_server_with_nothing_set_loads_no_library_that_it_does_not_need():
    script = (
        "import sys, cimaise.app, cimaise.cli.serve;"
        f"print(*sorted(set({SELDOM_USED!r}.split()) & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
