"""tus 1.0.0, all forty rules of it as exchanges, to disk and to S3, by an upload token alone."""

from collections.abc import Iterator

import pytest

from tests.kit.application import RunningApplication, running_application
from tests.kit.backends import further
from tests.kit.s3 import S3Server
from tests.kit.sending import make_collection
from tests.kit.served_storage import ServedStorage, bucket_of
from tests.uploads.tus_conformance.concatenation import concatenation
from tests.uploads.tus_conformance.core import core
from tests.uploads.tus_conformance.exchange import Speaker
from tests.uploads.tus_conformance.extensions import extensions
from tests.uploads.tus_conformance.rows import Case

CASES = [*core(), *extensions(), *concatenation()]


@pytest.fixture(scope="module", params=["disk", *further("swift")])
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[RunningApplication, str]]:
    """A server, and where uploads are created."""
    storage = ServedStorage("disk")
    if request.param != "disk":
        swift: S3Server = request.getfixturevalue("swift")
        storage = bucket_of(swift, "swift", "tus-conformance")
    with running_application(tmp_path_factory.mktemp("tus"), storage.adapt) as running:
        with running.client(running.person("ann")) as client:
            collection = make_collection(running, client)
            made = client.post("/api/upload-tokens", json={"collection": collection})
        yield running, made.json()["tus_url"]


@pytest.mark.parametrize("case", [case for _, case in CASES], ids=[name for name, _ in CASES])
def test_the_exchange_goes_as_the_protocol_says(place: tuple[RunningApplication, str], case: Case):
    server, endpoint = place
    with server.client() as client:
        Speaker(server, client, endpoint).run(case)


def test_every_rule_has_its_cases():
    numbers = {int(name[:2]) for name, _ in CASES}
    assert numbers == set(range(1, 41))
    assert len({name for name, _ in CASES}) == len(CASES)
