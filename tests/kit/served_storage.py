"""Storages that a running application is tested on, and what lies in them."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from cimaise.settings import Settings, StorageSettings
from tests.kit.application import RunningApplication
from tests.kit.s3 import S3Server, make_bucket

FOLDERS = ("multipart", "objects", "incoming", "tmp")


@dataclass(frozen=True)
class ServedStorage:
    """A storage, and a look at it from behind.

    Attributes:
        name: ``disk``, ``swift`` or ``versitygw``.
        settings: What opens it.
        server: Set for S3.
        bucket: Set for S3.
    """

    name: str
    settings: StorageSettings = field(default_factory=StorageSettings)
    server: S3Server | None = None
    bucket: str = ""

    def adapt(self, settings: Settings) -> Settings:
        """The settings with this storage."""
        return replace(settings, storage=self.settings)

    def listing(self, running: RunningApplication) -> set[str]:
        """Everything that lies there, parts of unfinished uploads included."""
        if self.server is not None:
            return set(self._in_bucket(self.server.client))
        data = running.application.settings.data.dir
        found = (path for folder in FOLDERS for path in (data / folder).rglob("*"))
        return {path.relative_to(data).as_posix() for path in found if path.is_file()}

    def _in_bucket(self, client: Any) -> Iterator[str]:
        held = [one["Name"] for one in client.list_buckets()["Buckets"]]
        for bucket in (self.bucket, f"{self.bucket}+segments"):  # where Swift keeps parts
            if bucket not in held:
                continue
            for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
                yield from (f"{bucket}/{one['Key']}" for one in page.get("Contents", ()))
        begun = client.list_multipart_uploads(Bucket=self.bucket).get("Uploads", ())
        yield from (f"upload of {one['Key']}" for one in begun)


def bucket_of(server: S3Server, name: str, bucket: str) -> ServedStorage:
    """A new bucket of a running S3 server."""
    settings = StorageSettings(
        url=server.url(make_bucket(server, bucket)),
        access_key_id=server.access_key,
        secret_access_key=server.secret_key,
    )
    return ServedStorage(name, settings, server, bucket)
