"""What is around a bucket, looked at and set on two servers that have little in common."""

import itertools
import json
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cimaise.settings import StorageSettings
from cimaise.storage.base import Check, Storage, Verdict, Wishes
from cimaise.storage.s3.bucket_rules import CORS, LIFECYCLE, judge_lifecycle
from cimaise.storage.s3.control import Control
from cimaise.storage.s3.refusals import refusal
from tests.kit.backends import further, left_out
from tests.kit.s3 import CannotStart, S3Server, make_bucket, start_versitygw
from tests.kit.uploading import made_storage

ORIGIN = "http://localhost:3023"  # whom Swift lets in
OURS = Wishes((ORIGIN,), abort_after_days=3)
THEIRS = Wishes((ORIGIN, "https://elsewhere.example"), abort_after_days=3)
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def versitygw(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    try:
        server = start_versitygw(tmp_path_factory.mktemp("versitygw"))
    except CannotStart as fault:
        left_out(str(fault))
    yield server
    server.stop()


@pytest.fixture(params=further("swift", "versitygw"))
def server(request: pytest.FixtureRequest) -> S3Server:
    started: S3Server = request.getfixturevalue(request.param)
    return started


@pytest.fixture
def bucket(server: S3Server) -> str:
    return make_bucket(server, f"upkeep-{next(_numbers)}")


@pytest.fixture
async def storage(server: S3Server, bucket: str, tmp_path: Path) -> AsyncIterator[Storage]:
    settings = StorageSettings(
        url=server.url(bucket, "below"),
        access_key_id=server.access_key,
        secret_access_key=server.secret_key,
    )
    opened = made_storage(settings, tmp_path, lambda: datetime.now(UTC))
    yield opened
    assert [info.key async for info in opened.list("")] == [], "a check left something"
    await opened.close()


async def looked_at(storage: Storage, wishes: Wishes) -> dict[str, Check]:
    assert storage.upkeep is not None
    return {one.name: one for one in await storage.upkeep.check(wishes)}


async def test_a_private_bucket_passes_and_an_open_one_does_not(
    storage: Storage, server: S3Server, bucket: str, request: pytest.FixtureRequest
):
    assert (await looked_at(storage, OURS))["privacy"].verdict is Verdict.OK
    _open_to_all(request.node.callspec.params["server"], server, bucket)
    check = (await looked_at(storage, OURS))["privacy"]
    assert check.verdict is Verdict.FAULT
    assert "read objects" in check.detail


def _open_to_all(kind: str, server: S3Server, bucket: str) -> None:
    if kind == "swift":
        server.client.put_bucket_acl(Bucket=bucket, ACL="public-read")
        pytest.skip("Swift's S3 face answers an anonymous GET with 400, whatever the ACL says")
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": "*",
                "Action": ["s3:GetObject"],
                "Resource": [f"arn:aws:s3:::{bucket}/*"],
            }
        ],
    }
    server.client.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))


async def test_pages_are_let_in_by_setup_where_the_store_can(
    storage: Storage, request: pytest.FixtureRequest
):
    assert storage.upkeep is not None
    before = await looked_at(storage, THEIRS)
    assert before["cors https://elsewhere.example"].verdict is Verdict.FAULT
    after = {one.name: one for one in await storage.upkeep.setup(THEIRS)}
    if request.node.callspec.params["server"] == "swift":  # its operator says who may
        assert after["set cors"].verdict is Verdict.WARNING
        assert "https://elsewhere.example" in after["set cors"].detail
        assert after[f"cors {ORIGIN}"].verdict is Verdict.OK
        return
    assert all(after[f"cors {origin}"].verdict is Verdict.OK for origin in THEIRS.origins)


async def test_setup_leaves_the_rules_of_others_and_can_be_repeated(
    storage: Storage, server: S3Server, bucket: str, request: pytest.FixtureRequest
):
    if request.node.callspec.params["server"] == "swift":
        pytest.skip("Swift's S3 face keeps no rules for CORS")
    theirs: dict[str, Any] = {
        "ID": "theirs", "AllowedOrigins": ["https://theirs.example"], "AllowedMethods": ["GET"],
    }  # fmt: skip
    server.client.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [theirs]})
    assert storage.upkeep is not None
    for _ in range(2):
        await storage.upkeep.setup(THEIRS)
    rules = server.client.get_bucket_cors(Bucket=bucket)["CORSRules"]
    assert [rule["ID"] for rule in rules] == ["theirs", "cimaise-uploads"]
    assert rules[1]["ExposeHeaders"] == ["ETag"]


@pytest.mark.parametrize("status", [403, 503])
async def test_rules_that_cannot_be_read_are_not_replaced(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, status: int
):
    asked: list[str] = []
    call = Control.call

    async def unreadable(control: Control, operation: str, **parameters: Any) -> Any:
        asked.append(operation)
        if operation in (CORS.get, LIFECYCLE.get):
            raise refusal(status, "")
        return await call(control, operation, **parameters)

    monkeypatch.setattr(Control, "call", unreadable)
    assert storage.upkeep is not None
    told = {one.name: one for one in await storage.upkeep.setup(THEIRS)}
    assert CORS.get in asked
    assert not {CORS.put, LIFECYCLE.put} & set(asked)
    for name, wanted in (("set cors", THEIRS.origins[1]), ("set lifecycle", "DaysAfterInitiation")):
        assert told[name].verdict is Verdict.WARNING
        assert wanted in told[name].detail


def aborting(days: int, **chosen: Any) -> dict[str, Any]:
    return {
        "Status": "Enabled", "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": days},
        **chosen,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("rules", "verdict"),
    [
        ([], Verdict.WARNING),
        ([aborting(5, Filter={"Prefix": "below/"})], Verdict.OK),
        ([aborting(5, Filter={})], Verdict.OK),
        ([aborting(5, Prefix="bel")], Verdict.OK),
        ([aborting(5, Filter={"And": {"Prefix": "below/", "Tags": []}})], Verdict.OK),
        ([aborting(5, Filter={"Prefix": "logs/"})], Verdict.WARNING),
        ([aborting(1, Prefix="logs/"), aborting(5, Prefix="")], Verdict.OK),
        ([aborting(1, Filter={"Prefix": "below/"}), aborting(5, Prefix="below/")], Verdict.FAULT),
        ([aborting(1, Filter={"Prefix": "below/incoming/"})], Verdict.FAULT),
        ([aborting(5, Filter={"Prefix": "below/incoming/"})], Verdict.WARNING),
        ([aborting(1, Filter={}) | {"Status": "Disabled"}], Verdict.WARNING),
    ],
)
def test_only_rules_for_our_part_of_the_bucket_are_judged(
    rules: list[dict[str, Any]], verdict: Verdict
):
    assert judge_lifecycle(rules, "below/", least_days=3).verdict is verdict


async def test_what_a_store_does_is_found_out_by_trying(
    storage: Storage, request: pytest.FixtureRequest
):
    assert storage.upkeep is not None
    can = await storage.upkeep.capabilities()
    assert can == {
        "refuses_another_length": True,
        "refuses_another_type": True,
        "verifies_md5": True,
        "verifies_sha256": True,
        "honours_if_none_match": True,
        "lists_unfinished_uploads": True,
        "completes_twice": True,
        "refuses_late_parts": request.node.callspec.params["server"] == "versitygw",
    }


async def test_one_key_for_everything_is_told(storage: Storage):
    assert (await looked_at(storage, OURS))["credentials"].verdict is Verdict.WARNING


def test_on_disk_the_folder_is_looked_at_and_made_private(
    tmp_path: Path, clock: Callable[[], datetime]
):
    import asyncio  # noqa: PLC0415

    async def scenario() -> None:
        settings = StorageSettings(url=f"file://{tmp_path}/storage")
        storage = made_storage(settings, tmp_path, clock)
        assert storage.upkeep is not None
        assert all(one.verdict is Verdict.OK for one in await storage.upkeep.check(OURS))
        (tmp_path / "storage" / "tmp").chmod(0o755)
        faults = [one for one in await storage.upkeep.check(OURS) if one.verdict is Verdict.FAULT]
        assert [one.name for one in faults] == ["privacy"]
        assert all(one.verdict is Verdict.OK for one in await storage.upkeep.setup(OURS))
        can = await storage.upkeep.capabilities()
        assert can["is_one_file_system"] is True
        assert storage.upkeep.policies() == {}
        await storage.close()

    asyncio.run(scenario())
