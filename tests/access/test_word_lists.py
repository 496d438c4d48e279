"""What takes much memory is loaded when it is needed."""

import subprocess
import sys

import pytest


@pytest.mark.slow
def test_word_lists_are_loaded_when_the_first_password_is_chosen():
    script = (
        "import sys; import cimaise.app;"
        "from cimaise.access.accounts.password_rules import require_hard_to_guess;"
        "before = 'zxcvbn' in sys.modules;"
        "require_hard_to_guess('nine wooden lanterns walk', 'ann');"
        "print(before, 'zxcvbn' in sys.modules)"
    )
    told = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert told.stdout.split() == ["False", "True"]
