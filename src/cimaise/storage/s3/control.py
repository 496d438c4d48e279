"""Control calls: everything but bytes, by the official client in a small pool of threads."""

import asyncio
from base64 import b64encode
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from hashlib import md5
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from cimaise.errors import CimaiseError
from cimaise.storage.s3.location import Location
from cimaise.storage.s3.refusals import refusal, unreachable

_CONNECT_TIMEOUT_S: Final = 5
_READ_TIMEOUT_S: Final = 60
_ATTEMPTS: Final = 3
_NO_BULK_STATUSES: Final = frozenset({400, 404, 405, 501})


@dataclass(frozen=True, slots=True)
class Credentials:
    """A key and its secret; not shown."""

    access_key_id: str
    secret_access_key: str

    def __repr__(self) -> str:
        return f"Credentials({self.access_key_id!r}, …)"


class Control:
    """Calls by the names of the official client, for one bucket, as one account."""

    def __init__(
        self,
        location: Location,
        credentials: Credentials,
        *,
        threads: int,
        note: Callable[[str], None],
    ) -> None:
        """``note`` is told each request by S3's name for it, in the thread of the loop."""
        self._bucket = location.bucket
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="storage-s3")
        self._client = _client(location, credentials, threads)
        self._client.meta.events.register("before-send.s3", self._count)
        self._note = note
        self._sent: deque[str] = deque()
        self._long = asyncio.Semaphore(max(1, threads // 2))

    async def call(self, operation: str, **parameters: Any) -> Mapping[str, Any]:
        """Call ``operation`` of the bucket. A cancelled call may still take effect.

        Raises:
            CimaiseError: See :func:`cimaise.storage.s3.refusals.refusal`.
        """
        method = getattr(self._client, operation)
        work = partial(_called, method, Bucket=self._bucket, **parameters)
        reply: Mapping[str, Any] = await self._run(work)
        return reply

    async def call_long(self, operation: str, **parameters: Any) -> Mapping[str, Any]:
        """Call what the store may take a minute for; half of the threads are kept for others."""
        async with self._long:
            return await self.call(operation, **parameters)

    async def delete(self, names: list[str]) -> None:
        """Delete up to 1,000 objects, one by one where the store has no call for many."""
        await self._run(partial(_delete, self._client, self._bucket, names))

    async def _run(self, work: partial[Any]) -> Any:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._tell()

    def _count(self, *, event_name: str, **_: Any) -> None:
        """A request leaves, the first or another try; called in a thread of the pool."""
        self._sent.append(event_name.rpartition(".")[2])

    def _tell(self) -> None:
        """Pass on what was sent; of a call that was cancelled with the next one, or at the end."""
        while self._sent:
            self._note(self._sent.popleft())

    def close(self) -> None:
        """End the threads and connections."""
        self._pool.shutdown()
        self._tell()
        self._client.close()


def _client(location: Location, credentials: Credentials, threads: int) -> Any:
    config = Config(
        signature_version="s3v4",
        s3={"addressing_style": "path" if location.path_style else "virtual"},
        # Checksums that nobody asked for are refused by several stores.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
        connect_timeout=_CONNECT_TIMEOUT_S,
        read_timeout=_READ_TIMEOUT_S,
        max_pool_connections=threads,
    )
    client = boto3.session.Session().client(
        "s3",
        region_name=location.region,
        endpoint_url=location.endpoint,
        aws_access_key_id=credentials.access_key_id,
        aws_secret_access_key=credentials.secret_access_key,
        config=config,
    )
    client.meta.events.register("before-sign.s3.DeleteObjects", _use_content_md5)
    return client


def _use_content_md5(request: Any, **_: Any) -> None:
    """Stores older than CRC checksums want Content-MD5 on this call; newer ones take it too."""
    for header in [name for name in request.headers if _is_checksum(name)]:
        del request.headers[header]
    body = request.data if isinstance(request.data, bytes) else request.data.encode()
    digest = md5(body, usedforsecurity=False).digest()
    request.headers["Content-MD5"] = b64encode(digest).decode("ascii")


def _is_checksum(header: str) -> bool:
    return header.lower().startswith(("x-amz-checksum-", "x-amz-sdk-checksum-"))


def _called(method: Any, **parameters: Any) -> Any:
    try:
        return method(**parameters)
    except ClientError as fault:
        raise _refused(fault) from fault
    except BotoCoreError as fault:
        raise unreachable() from fault


def _refused(fault: ClientError) -> CimaiseError:
    code = str(fault.response.get("Error", {}).get("Code", ""))
    return refusal(_status(fault), code)


def _status(fault: ClientError) -> int:
    return int(fault.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _delete(client: Any, bucket: str, names: list[str]) -> None:
    try:
        objects = [{"Key": name} for name in names]
        reply = client.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
    except ClientError as fault:
        code = fault.response.get("Error", {}).get("Code", "")
        if _status(fault) not in _NO_BULK_STATUSES or code == "NoSuchBucket":
            raise _refused(fault) from fault
        for name in names:
            _called(client.delete_object, Bucket=bucket, Key=name)
        return
    except BotoCoreError as fault:
        raise unreachable() from fault
    for error in reply.get("Errors", ()):
        if error.get("Code") != "NoSuchKey":
            raise refusal(0, str(error.get("Code", "")))
