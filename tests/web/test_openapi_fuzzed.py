"""Whatever the OpenAPI document allows, and much that it does not, never ends in a server's fault."""

import subprocess
import sys
from pathlib import Path

import pytest

from cimaise.access.policy import Role
from tests.kit.application import running_application

pytestmark = pytest.mark.slow
LIMIT_S = 300


@pytest.mark.parametrize("is_signed_in", [True, False])
def test_no_request_that_is_made_from_the_document_gets_a_5xx(tmp_path: Path, is_signed_in: bool):
    with running_application(tmp_path / "data") as running:
        key = running.person("boss", Role.ADMIN).key
        who = ["-H", f"Authorization: Bearer {key}"] if is_signed_in else []
        done = subprocess.run(
            [
                Path(sys.executable).parent / "schemathesis", "run", f"{running.url}/openapi.json",
                "--url", running.url, *who, "--checks", "not_a_server_error",
                "--max-examples", "3", "--generation-deterministic", "--phases", "fuzzing",
                "--mode", "all", "--request-timeout", "30", "--no-color",
            ],
            cwd=tmp_path, capture_output=True, text=True, timeout=LIMIT_S,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:]
    assert "passed" in done.stdout
    assert "Tested: 0" not in done.stdout
