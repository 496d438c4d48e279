"""What it takes to begin an upload, and to sign the URLs of its parts."""

import http
import http.client
import json
import statistics
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.kit.rounds import Report
from bench.kit.servers import Subject

SESSIONS = 2_000
URLS = 1_000
ROUNDS = 7


def measure_sessions(report: Report, ours: Subject) -> None:
    """One after the other on one connection: the answer holds the signed URL."""
    connection = http.client.HTTPConnection("127.0.0.1", ours.port, timeout=30)
    body = json.dumps({"collection": "bench", "filename": "a.bin", "size": 1000})
    headers = {"Authorization": f"Bearer {ours.facts['key']}", "Content-Type": "application/json"}
    taken_ms = []
    for _ in range(SESSIONS):
        began_s = time.perf_counter()
        connection.request("POST", "/api/uploads", body, headers)
        answer = connection.getresponse()
        answer.read()
        taken_ms.append((time.perf_counter() - began_s) * 1000)
        if answer.status != http.HTTPStatus.CREATED:
            raise RuntimeError(f"no session was made: {answer.status}")
    cuts = statistics.quantiles(taken_ms, n=100)
    report.keep("sessions", {"ms": taken_ms})
    report.claim("a session is made over HTTP on SQLite, p50 ms", cuts[49], most=2.0)
    report.claim("a session is made over HTTP on SQLite, p99 ms", cuts[98], most=10.0)


def measure_signing(report: Report) -> None:
    """A thousand part URLs: ours for a bucket, botocore's for the same one."""
    import botocore.session  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    from cimaise.rfc.sigv4 import Signer  # noqa: PLC0415
    from cimaise.storage.s3.location import parse_location  # noqa: PLC0415
    from cimaise.storage.s3.presigner import S3Presigner  # noqa: PLC0415

    now = datetime.now(UTC)
    expires_at = now + timedelta(hours=1)
    location = parse_location("s3://bucket?region=us-east-1&endpoint=https://s3.example.com")
    signer = Signer("AKIAEXAMPLE", "secret" * 6, "us-east-1")
    presigner = S3Presigner(location, signer, now=lambda: now)
    client: Any = botocore.session.get_session().create_client(
        "s3",
        region_name="us-east-1",
        aws_access_key_id="AKIAEXAMPLE",
        aws_secret_access_key="secret" * 6,
        config=Config(signature_version="s3v4"),
    )

    sizes = dict.fromkeys(range(1, URLS + 1), 10_485_760)

    def sign_ours() -> None:
        presigner.parts("incoming/" + "k" * 32, "u" * 60, sizes, expires_at=expires_at)

    def sign_theirs() -> None:
        wanted = {"Bucket": "bucket", "Key": "incoming/key", "UploadId": "u"}
        for number in range(1, URLS + 1):
            client.generate_presigned_url("upload_part", Params=wanted | {"PartNumber": number})

    taken: dict[str, list[float]] = {"cimaise": [], "botocore": []}
    for _ in range(ROUNDS):
        for name, sign in (("cimaise", sign_ours), ("botocore", sign_theirs)):
            began_s = time.perf_counter()
            sign()
            taken[name].append((time.perf_counter() - began_s) * 1000)
    report.keep("signing", taken)
    report.claim(f"{URLS} part URLs signed, ms", statistics.median(taken["cimaise"]), most=10)
    report.note(f"{URLS} part URLs signed by botocore, ms", statistics.median(taken["botocore"]))
