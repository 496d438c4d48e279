"""``@uppy/tus``, ``@uppy/xhr-upload`` and FilePond on a page of another origin, to disk and to S3."""

from typing import Any

import pytest

from tests.browser.uppy.conftest import HEAD, LENGTH, MB, Visit, assert_arrived, body_of
from tests.kit.backends import further


@pytest.fixture(scope="module", params=["disk", *further("versitygw")])
def storage_name(request: pytest.FixtureRequest) -> str:
    """Each in turn."""
    name: str = request.param
    return name


@pytest.fixture
def version() -> str:
    """All three come with Uppy 6."""
    return "six"


def assert_published(visit: Visit, length: int = LENGTH) -> None:
    (file,) = visit.files()
    assert file["size"] == length
    assert visit.client.get(file["url"]).content == body_of(length)


def test_xhr_upload_sends_a_form(visit: Visit):
    visit.uppy("xhr", endpoint=visit.token["form_url"], fieldName="file")
    visit.add(title="By XHR")
    assert_arrived(visit, visit.run(), LENGTH)
    assert visit.files()[0]["title"] == "By XHR"


def test_xhr_upload_sends_several_files_in_one_form(visit: Visit):
    visit.uppy("xhr", endpoint=visit.token["form_url"], bundle=True)
    for number in range(3):
        visit.add(f"{number}.bin", MB + number)
    assert len(visit.run()["successful"]) == 3
    assert sorted(file["size"] for file in visit.files()) == [MB, MB + 1, MB + 2]
    assert visit.count("POST", "/upload/") == 1


@pytest.mark.parametrize(
    ("options", "patches"),
    [({}, 1), ({"chunkSize": 5 * MB}, 3), ({"parallelUploads": 3}, 3), ({"uploadDataDuringCreation": True}, 0)],
    ids=["whole", "in chunks", "at once", "with creation"],
)  # fmt: skip
def test_tus_sends_a_file_however_it_is_cut(visit: Visit, options: dict[str, Any], patches: int):
    visit.uppy("tus", endpoint=visit.token["tus_url"], **options)
    visit.add()
    result = visit.run()
    assert (len(result["successful"]), result["failed"]) == (1, [])
    assert_published(visit)
    assert visit.count("PATCH") == patches


def test_tus_pauses_and_goes_on(visit: Visit):
    visit.uppy("tus", endpoint=visit.token["tus_url"], chunkSize=2 * MB)
    visit.add()
    with visit.page.expect_response(lambda one: one.request.method == "PATCH" and one.ok):
        visit.page.evaluate("() => uppy.begin()")
    visit.page.evaluate("() => uppy.pause()")
    visit.page.evaluate("() => uppy.resume()")
    assert len(visit.page.evaluate("() => uppy.end()")["successful"]) == 1
    assert_published(visit)
    assert visit.count("HEAD") == 1


def test_tus_goes_on_after_a_connection_that_was_lost(visit: Visit):
    visit.uppy("tus", endpoint=visit.token["tus_url"], chunkSize=4 * MB)
    visit.add()
    visit.fail("PATCH", "/tus/", times=1, status=0, after=1)
    assert len(visit.run()["successful"]) == 1
    assert_published(visit)
    assert (visit.count("POST", "/tus/"), visit.count("HEAD")) == (1, 1)


def test_tus_goes_on_after_a_reload(visit: Visit):
    visit.uppy("tus", endpoint=visit.token["tus_url"], chunkSize=4 * MB, retryDelays=[])
    visit.add()
    visit.fail("PATCH", "/tus/", times=9, status=0, after=2)
    assert len(visit.run()["failed"]) == 1
    visit.page.unroute_all()
    visit.page.reload()
    visit.sent.clear()
    visit.uppy("tus", endpoint=visit.token["tus_url"], chunkSize=4 * MB)
    visit.add()
    assert len(visit.run()["successful"]) == 1
    assert_published(visit)
    assert (visit.count("POST"), visit.count("HEAD"), visit.count("PATCH")) == (0, 1, 1)


def test_tus_cancelled_leaves_nothing(visit: Visit):
    before = visit.client.get("/api/me").json()["quota"]
    visit.uppy("tus", endpoint=visit.token["tus_url"], chunkSize=2 * MB)
    visit.add()
    with visit.page.expect_response(lambda one: one.request.method == "PATCH" and one.ok):
        visit.page.evaluate("() => uppy.begin()")
    with visit.page.expect_response(lambda one: one.request.method == "DELETE") as ended:
        visit.page.evaluate("() => uppy.cancel()")
    assert ended.value.status == 204
    assert visit.client.get("/api/me").json()["quota"] == before


def test_filepond_sends_a_form(visit: Visit):
    visit.uppy("pond", server={"process": {"url": visit.token["form_url"], "method": "POST"}})
    visit.page.evaluate("(given) => uppy.add(...given)", ["a.bin", "", list(HEAD), LENGTH])
    (answer,) = visit.run()["done"]
    assert visit.files()[0]["url"] in answer
    assert_published(visit)


def test_filepond_goes_on_after_a_lost_connection_with_tus_js_client(visit: Visit):
    visit.uppy("pond", resumable=visit.token["tus_url"])
    visit.page.evaluate("(given) => uppy.add(...given)", ["a.bin", "", list(HEAD), LENGTH])
    visit.fail("PATCH", "/tus/", times=1, status=0)
    (address,) = visit.run()["done"]
    assert address.startswith(f"{visit.served.url}/tus/")
    assert_published(visit)
    assert visit.count("PATCH") == 2


def test_what_filepond_is_refused_it_shows_as_failed(visit: Visit):
    visit.client.patch(
        f"/api/collections/{visit.collection}", json={"policy": {"extensions": [".zip"]}}
    )
    visit.uppy("pond", server={"process": {"url": visit.token["form_url"], "method": "POST"}})
    visit.page.evaluate("(given) => uppy.add(...given)", ["a.bin", "", list(HEAD), 1000])
    assert "failed" in visit.run()
    assert visit.files() == []
