"""What the server says it asked of its bucket, and what the bucket's own access log says."""

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.kit.backends import left_out
from tests.kit.commands import command
from tests.kit.s3 import NO_VERSITYGW, S3Server, make_bucket, start_versitygw, versitygw_binary
from tests.kit.server_process import prepare_data, server_process
from tests.kit.tus_http import Client as TusClient
from tests.kit.uploading import zipped

LOGGED = re.compile(r" s3_(\w+) \S+ (\S+) (\d{3}) ")
SAMPLE = re.compile(
    r'^cimaise_storage_requests_total\{billing="(\w+)",request="(\w+)"\} (\S+)$', re.MULTILINE
)
SIGNED = "X-Amz-Signature="  # in the address: a client's own request
LONG = zipped(11_000_000)  # in three parts
CLASSES = {
    "A": {"PutObject", "CopyObject", "CreateMultipartUpload", "UploadPart",
          "CompleteMultipartUpload", "ListObjectsV2", "ListParts", "ListMultipartUploads"},
    "B": {"GetObject", "HeadObject", "HeadBucket"},
    "free": {"DeleteObjects", "AbortMultipartUpload"},
}  # fmt: skip
pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Counted:
    """Requests by S3's names: as the bucket logged them, and as ours told afterwards."""

    logged: Counter[str]
    by_clients: Counter[str]
    usage: Mapping[str, int]
    classes: Mapping[str, int]
    metrics: Mapping[tuple[str, str], float]


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Counted:
    """A server over a bucket of its own, used through several doors, then stopped."""
    if versitygw_binary() is None:
        left_out(NO_VERSITYGW)
    folder = tmp_path_factory.mktemp("counted")
    (folder / "s3").mkdir()
    bucket = start_versitygw(folder / "s3", access_log=folder / "access.log")
    try:
        environment = settings(bucket, make_bucket(bucket, "media"))
        key = prepare_data(folder / "data", environment, "holiday")
        with server_process(folder / "data", environment) as server:
            metrics = use(server.url, key)
            server.terminate()
        command(folder / "data", "fsck", environment=environment)
        told = json.loads(command(folder / "data", "usage", "--json", environment=environment))
    finally:
        bucket.stop()
    ours, clients = logged(folder)
    return Counted(ours, clients, told["bucket_requests"], told["cost"]["classes"], metrics)


def settings(bucket: S3Server, name: str) -> dict[str, str]:
    return {
        "CIMAISE_STORAGE_URL": bucket.url(name),
        "CIMAISE_STORAGE_ACCESS_KEY_ID": bucket.access_key,
        "CIMAISE_STORAGE_SECRET_ACCESS_KEY": bucket.secret_key,
        "CIMAISE_BILLING_PROVIDER": "r2",
        "CIMAISE_UPLOADS_SINGLE_MAX_BYTES": "10MB",
        "CIMAISE_UPLOADS_PART_BYTES": "5MB",
    }


def use(url: str, key: str) -> dict[tuple[str, str], float]:
    """Uploads by four doors, one of them given up; downloads. Gives what ``/metrics`` says."""
    signed_in = {"Authorization": f"Bearer {key}"}
    with httpx2.Client(base_url=url, headers=signed_in, timeout=60) as client:
        small = client.put("/api/collections/holiday/files/a.txt", content=b"hello").json()
        where = f"/files/{small['id']}"
        for headers in ({}, {"Range": "bytes=1-2"}, {"If-None-Match": small["etag"]}):
            assert client.get(where, headers=headers).status_code in (200, 206, 304)
        assert client.head(where).status_code == 200
        send_directly(client, b"direct", "b.txt")
        send_directly(client, LONG, "c.zip")
        with httpx2.Client(base_url=url, timeout=60) as guest:
            tus = TusClient(client, guest, "holiday")
            assert tus.patch(tus.create(len(LONG)), LONG).status_code == 204
            given_up = tus.create(len(LONG))
            assert tus.patch(given_up, LONG[:6_000_000]).status_code == 204
            assert tus.delete(given_up).status_code == 204
        assert client.get("/readyz").status_code == 200
        return {
            (billing, name): float(value)
            for billing, name, value in SAMPLE.findall(client.get("/metrics").text)
        }


def send_directly(client: httpx2.Client, body: bytes, filename: str) -> None:
    intent = {"collection": "holiday", "filename": filename, "size": len(body)}
    upload = client.post("/api/uploads", json=intent).raise_for_status().json()
    parts: list[dict[str, Any]] | None = None
    if upload["strategy"] == "single":
        httpx2.put(upload["url"], content=body, headers=upload["headers"]).raise_for_status()
    else:
        parts = [send_part(part, upload["part_size"], body) for part in upload["parts"]]
    done = client.post(f"/api/uploads/{upload['id']}/complete", json={"parts": parts})
    done.raise_for_status()
    client.post("/api/collections/holiday/files", json={"upload": upload["id"]}).raise_for_status()


def send_part(part: dict[str, Any], part_size: int, body: bytes) -> dict[str, Any]:
    start = (part["part_number"] - 1) * part_size
    sent = httpx2.put(part["url"], content=body[start : start + part["size"]]).raise_for_status()
    return {"part_number": part["part_number"], "etag": sent.headers["etag"]}


def logged(folder: Path) -> tuple[Counter[str], Counter[str]]:
    """The bucket's log: requests of the server, and those of clients by signed URLs."""
    ours, clients = Counter[str](), Counter[str]()
    for name, address, _ in LOGGED.findall((folder / "access.log").read_text("utf-8")):
        (clients if SIGNED in address else ours)[name] += 1
    del ours["CreateBucket"]  # the test's own
    return ours, clients


def test_the_report_of_use_has_the_requests_that_the_bucket_logged(counted: Counted):
    assert counted.usage == counted.logged
    every = set().union(*CLASSES.values())
    assert set(counted.logged) <= every
    assert every - set(counted.logged) <= {"ListParts"}


def test_the_classes_of_the_cost_are_those_of_the_log(counted: Counted):
    by_class = {
        name: sum(counted.logged[request] for request in requests)
        for name, requests in CLASSES.items()
    }
    assert counted.classes == by_class


def test_the_metrics_have_the_same_numbers_under_the_same_classes(counted: Counted):
    """Of what no job asks, which may run after the look at the metrics."""
    for request in ("PutObject", "CopyObject", "UploadPart", "GetObject", "CreateMultipartUpload"):
        billing = "B" if request == "GetObject" else "A"
        assert counted.metrics[billing, request] == counted.logged[request], request


def test_what_clients_send_by_signed_urls_is_in_the_log_and_not_in_ours(counted: Counted):
    assert counted.by_clients == {"PutObject": 1, "UploadPart": 3}
