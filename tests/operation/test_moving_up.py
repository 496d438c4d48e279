"""The steps of the manual's page on moving up, one by one, with a real PostgreSQL and S3."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest

from tests.kit.s3 import S3Server, make_bucket
from tests.kit.server_process import prepare_data, server_process

pytestmark = pytest.mark.slow
BODY = b"hello " * 1000
LOG = {"CIMAISE_LOG_FORMAT": "json"}


def cimaise(environment: dict[str, str], *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "cimaise", *words],
        env=os.environ | LOG | environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_from_sqlite_and_a_folder_to_postgresql_and_s3_and_on_to_another_folder(
    tmp_path: Path, new_database: Callable[[str], str], swift: S3Server
):
    old = {"CIMAISE_DATA_DIR": str(tmp_path / "old")}
    (tmp_path / "old").mkdir()
    key = prepare_data(tmp_path / "old", {}, "wall")
    signed_in = {"Authorization": f"Bearer {key}"}
    with (
        server_process(tmp_path / "old", LOG) as server,
        httpx2.Client(base_url=server.url, headers=signed_in, timeout=30) as client,
    ):
        first = client.put("/api/collections/wall/files/a.txt", content=BODY).json()
        link = client.post(f"/api/files/{first['id']}/links", json={}).json()["url"]
        cimaise(old, "backup", str(tmp_path / "backup"))
        second = client.put("/api/collections/wall/files/b.txt", content=BODY).json()
    cimaise(old, "backup", str(tmp_path / "backup"))

    new = {
        "CIMAISE_DATA_DIR": str(tmp_path / "new"),
        "CIMAISE_DATABASE_URL": new_database("postgresql"),
        "CIMAISE_STORAGE_URL": swift.url(make_bucket(swift, f"up-{abs(hash(tmp_path))}")),
        "CIMAISE_STORAGE_ACCESS_KEY_ID": swift.access_key,
        "CIMAISE_STORAGE_SECRET_ACCESS_KEY": swift.secret_key,
    }
    cimaise(new, "restore", str(tmp_path / "backup"))
    secret = (tmp_path / "old/secret.key").read_bytes()
    (tmp_path / "new/secret.key").write_bytes(secret)
    cimaise(new, "check")
    assert "2 files" in cimaise(new, "fsck")
    assert "0 findings" in cimaise(new, "fsck")
    with (
        server_process(tmp_path / "new", LOG | new) as server,
        httpx2.Client(base_url=server.url, headers=signed_in, timeout=30) as client,
    ):
        assert client.get(f"/files/{first['id']}").content == BODY
        assert client.get(f"/files/{second['id']}").content == BODY
        query = link.partition("?")[2]
        assert httpx2.get(f"{server.url}/files/{first['id']}?{query}").content == BODY

    target = f"file://{tmp_path / 'objects'}"
    assert "2 objects copied" in cimaise(new, "move-storage", "--to", target)
    assert "0 objects copied" in cimaise(new, "move-storage", "--to", target)
    assert "0 findings" in cimaise(new | {"CIMAISE_STORAGE_URL": target}, "fsck")
