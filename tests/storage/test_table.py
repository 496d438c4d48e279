import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cimaise.settings import StorageSettings
from cimaise.storage.filesystem import FilesystemStorage
from cimaise.storage.memory import MemoryStorage
from cimaise.storage.s3 import S3Storage
from cimaise.storage.table import open_storage

KEYS = {"access_key_id": "key", "secret_access_key": "secret"}


def opened(tmp_path: Path, url: str, **more: Any):
    return open_storage(
        StorageSettings(url=url, **more),
        data_dir=tmp_path,
        signing_secret=b"a secret of the tests",
        public_url="https://media.example",
    )


async def test_a_scheme_names_a_backend(tmp_path):
    for url, kind in (
        ("file:", FilesystemStorage),
        ("FILE:", FilesystemStorage),
        ("memory:", MemoryStorage),
        ("s3://bucket?endpoint=http://127.0.0.1:9", S3Storage),
    ):
        storage = opened(tmp_path, url, **(KEYS if url.startswith("s3") else {}))
        assert isinstance(storage, kind)
        assert storage.presigner is not None
        assert storage.multipart is not None
        assert (storage.signed_door is None) == (kind is S3Storage)
        assert storage.is_local == (kind is not S3Storage)
        await storage.close()


async def test_files_lie_in_the_data_folder_or_where_the_url_says(tmp_path):
    await opened(tmp_path, "file:").close()
    assert (tmp_path / "tmp").is_dir()
    await opened(tmp_path, f"file://{tmp_path}/else%20where").close()
    assert (tmp_path / "else where" / "tmp").is_dir()


@pytest.mark.parametrize(
    ("url", "more", "says"),
    [
        ("", {}, "begins with one of file:, memory:, s3:"),
        ("ftp://x", {}, "begins with one of"),
        ("/a/path", {}, "begins with one of"),
        ("file:relative/path", {}, "file:///absolute/path"),
        ("file://host/path", {}, "file:///absolute/path"),
        ("s3://bucket", {}, "access_key_id"),
        ("s3://bucket", {"access_key_id": "key"}, "go together"),
        ("s3://bucket", KEYS | {"presigner_access_key_id": "key"}, "presigner_access_key_id"),
        ("s3://bucket", KEYS | {"cleanup_secret_access_key": "key"}, "cleanup_access_key_id"),
        ("s3://", KEYS, "name of a bucket"),
        ("s3://bucket?endpoint=localhost", KEYS, "endpoint=https://host"),
    ],
)
def test_what_is_wrong_is_said_with_the_variables_name(tmp_path, url, more, says):
    with pytest.raises(ValueError, match=r"^CIMAISE_STORAGE_URL: ") as caught:
        opened(tmp_path, url, **more)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_client_of_s3_is_not_imported_unless_s3_is_configured():
    code = (
        "import sys, cimaise.storage.table as t; from pathlib import Path;"
        "from cimaise.settings import StorageSettings;"
        "t.open_storage(StorageSettings(url='memory:'), data_dir=Path('/nowhere'),"
        " signing_secret=b'0' * 16, public_url='');"
        "print([m for m in ('boto3', 'botocore', 'aiohttp') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
