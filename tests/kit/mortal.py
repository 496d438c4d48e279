"""A server and its storage as processes that can be killed and come back where they were."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.kit.s3 import S3Server, make_bucket, start_versitygw
from tests.kit.server_process import ServerProcess, free_port, prepare_data, server_process

PARTS = {"CIMAISE_UPLOADS_SINGLE_MAX_BYTES": "5MB", "CIMAISE_UPLOADS_PART_BYTES": "5MB"}
COLLECTION = "tools"


@dataclass
class Mortal:
    """Attributes: ``url``, the same for ever; ``key`` of Ann, who owns the collection ``tools``."""

    folder: Path
    url: str
    port: int
    environment: dict[str, str]
    stack: ExitStack
    key: str = ""
    storage: S3Server | None = None
    storage_port: int = 0
    server: ServerProcess | None = field(default=None)

    @property
    def data_dir(self) -> Path:
        """Of the server."""
        return self.folder / "data"

    def start(self) -> None:
        """The server, on the data that there is."""
        made = server_process(self.data_dir, self.environment, self.port)
        self.server = self.stack.enter_context(made)

    def kill(self) -> None:
        """``kill -9`` of the server."""
        assert self.server is not None
        self.server.kill()

    def start_storage(self) -> None:
        """The S3 server, on the files that there are."""
        self.storage = start_versitygw(self.folder / "s3", port=self.storage_port)
        self.stack.callback(self.storage.stop)

    def kill_storage(self) -> None:
        """``kill -9`` of the S3 server."""
        assert self.storage is not None
        self.storage.stop()

    def open_bucket(self) -> Mapping[str, str]:
        """A bucket that the server's own pages may send to."""
        assert self.storage is not None
        bucket = make_bucket(self.storage, "mortal")
        rule = {
            "AllowedOrigins": [self.url],
            "AllowedMethods": ["PUT", "GET", "HEAD", "POST"],
            "AllowedHeaders": ["*"],
            "ExposeHeaders": ["ETag", "Location"],
        }
        rules = {"CORSRules": [rule]}
        self.storage.client.put_bucket_cors(Bucket=bucket, CORSConfiguration=rules)
        return {
            "CIMAISE_STORAGE_URL": self.storage.url(bucket),
            "CIMAISE_STORAGE_ACCESS_KEY_ID": self.storage.access_key,
            "CIMAISE_STORAGE_SECRET_ACCESS_KEY": self.storage.secret_key,
        }


@contextmanager
def mortal_server(folder: Path, *, on_s3: bool) -> Iterator[Mortal]:
    """Start both; parts are as small as they may be."""
    port = free_port()
    with ExitStack() as stack:
        made = Mortal(folder, f"http://127.0.0.1:{port}", port, dict(PARTS), stack)
        if on_s3:
            (folder / "s3").mkdir()
            made.storage_port = free_port()
            made.start_storage()
            made.environment |= made.open_bucket()
        made.key = prepare_data(made.data_dir, made.environment, COLLECTION)
        made.start()
        yield made
