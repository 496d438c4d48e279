"""What a page meets with ``@uppy/aws-s3`` 5 and 6, row by row, to disk and straight to S3.

Faults are made in the browser, so the same rows hold wherever parts go.
"""

from typing import Any

import pytest

from tests.browser.uppy.conftest import LENGTH, Visit, assert_arrived
from tests.kit.backends import further

PARTS = 3


@pytest.fixture(scope="module", params=["disk", *further("versitygw")])
def storage_name(request: pytest.FixtureRequest) -> str:
    """Each in turn."""
    name: str = request.param
    return name


def part_address(visit: Visit) -> str:
    """What only addresses of parts hold."""
    return "/storage/" if visit.served.application.services.storage.is_local else "X-Amz-Signature"


def run_with_retry(visit: Visit) -> dict[str, Any]:
    """To the end; where the file failed once, told to go on."""
    result = visit.run()
    return visit.run("retry") if result["failed"] else result


def test_a_small_file_goes_in_one_form_through_the_server(visit: Visit):
    visit.uppy()
    visit.add(length=300_000)
    assert_arrived(visit, visit.run(), 300_000)
    assert (visit.count("POST", "/files"), visit.count("PUT")) == (1, 0)


def test_a_large_file_goes_in_parts_to_where_it_stays(visit: Visit):
    visit.uppy(shouldUseMultipart=True)
    visit.add()
    assert_arrived(visit, visit.run(), LENGTH)
    assert visit.count("PUT", part_address(visit)) == PARTS
    assert visit.count("PUT") == PARTS


def test_a_pause_in_the_middle_costs_no_part_that_had_arrived(visit: Visit):
    visit.uppy(shouldUseMultipart=True)
    visit.add()
    hold = visit.hold("PUT", part_address(visit), after=1)
    with visit.page.expect_response(lambda one: one.request.method == "PUT" and one.ok):
        visit.page.evaluate("() => uppy.begin()")
    with visit.page.expect_event("requestfailed"):
        visit.page.evaluate("() => uppy.pause()")
    hold.append(False)
    visit.page.evaluate("() => uppy.resume()")
    result = visit.page.evaluate("() => uppy.end()")
    if result["failed"]:  # now and then Uppy 5 forgets a part that arrived as it was paused
        assert "getData" in result["failed"][0]["error"]
        result = visit.run("retry")
    assert_arrived(visit, result, LENGTH)
    assert visit.count("POST", "/complete") == 1


def test_a_reload_with_golden_retriever_sends_only_what_is_missing(visit: Visit):
    visit.uppy(f"{visit.version}Remembering", shouldUseMultipart=True)
    visit.page.evaluate("() => uppy.restored")
    visit.add(size=str(LENGTH))
    hold = visit.hold("PUT", part_address(visit), after=1)
    with visit.page.expect_response(lambda one: one.request.method == "PUT" and one.ok):
        visit.page.evaluate("() => uppy.begin()")
    visit.page.wait_for_timeout(1000)  # it writes what it remembers at most twice a second
    (remembered,) = visit.page.evaluate("() => uppy.remembered()")
    hold.append(False)
    visit.page.reload()
    visit.sent.clear()
    visit.uppy(f"{visit.version}Remembering", shouldUseMultipart=True)
    assert visit.page.evaluate("() => uppy.restored")
    assert visit.page.evaluate("() => uppy.remembered()") == [remembered]
    assert visit.page.evaluate("() => uppy.ghosts()") == [True]
    visit.add(size=str(LENGTH))  # the same file, chosen again
    assert_arrived(visit, visit.run("goOn"), LENGTH)
    # a part that arrived as the page went may not have been noted any more
    assert visit.count("PUT") in (PARTS - 1, PARTS)
    assert visit.upload_ids()[0] == remembered


@pytest.mark.parametrize("status", [500, 503, 429, 0])
def test_a_part_that_fails_is_sent_again(visit: Visit, status: int):
    visit.uppy(shouldUseMultipart=True)
    visit.add()
    visit.fail("PUT", part_address(visit), times=1, status=status, after=1)
    assert_arrived(visit, run_with_retry(visit), LENGTH)
    assert visit.count("PUT") == PARTS + 1


def test_a_part_that_is_refused_fails_and_can_be_gone_on_with(visit: Visit):
    visit.uppy(shouldUseMultipart=True, retryDelays=[])
    visit.add()
    visit.fail("PUT", part_address(visit), times=6, status=400, after=1)
    assert len(visit.run()["failed"]) == 1
    visit.page.unroute_all()
    assert_arrived(visit, visit.run("retry"), LENGTH)


@pytest.mark.parametrize(
    ("method", "part"),
    [("POST", "/s3/multipart"), ("GET", "/s3/multipart/")],
    ids=["create", "sign"],
)
def test_a_call_of_ours_that_fails_once_is_made_again(visit: Visit, method: str, part: str):
    visit.uppy(shouldUseMultipart=True)
    visit.add()
    visit.fail(method, part, times=1)
    assert_arrived(visit, run_with_retry(visit), LENGTH)
    assert visit.count("PUT") == PARTS


def test_a_completion_that_fails_frees_everything_or_loses_nothing(visit: Visit):
    """Uppy 5 ends the upload by itself and begins anew; Uppy 6 keeps it."""
    visit.uppy(shouldUseMultipart=True)
    visit.add(size=str(LENGTH))  # told, so that a short last part is known to be whole
    visit.fail("POST", "/complete", times=1, status=500)
    assert len(visit.run()["failed"]) == 1
    visit.page.unroute_all()
    assert_arrived(visit, visit.run("retry"), LENGTH)
    quota = visit.client.get("/api/me").json()["quota"]
    files = sum(file["size"] for file in visit.files())
    assert quota["total_used"] >= files
    states = [visit.client.get(f"/api/uploads/{one}").json()["state"] for one in visit.upload_ids()]
    assert {"pending", "uploading"}.isdisjoint(states[:2])
    assert visit.count("PUT") == (2 * PARTS if visit.version == "five" else PARTS)


def test_an_empty_file_fails_and_leaves_nothing(visit: Visit):
    before = visit.client.get("/api/me").json()["quota"]
    visit.uppy(retryDelays=[])
    visit.add(length=0)
    assert len(visit.run()["failed"]) == 1
    assert visit.files() == []
    assert visit.client.get("/api/me").json()["quota"] == before


def test_cancelling_frees_what_was_sent(visit: Visit):
    before = visit.client.get("/api/me").json()["quota"]
    visit.uppy(shouldUseMultipart=True)
    visit.add()
    with visit.page.expect_response(lambda one: one.request.method == "PUT" and one.ok):
        visit.page.evaluate("() => uppy.begin()")
    with visit.page.expect_response(lambda one: one.request.method == "DELETE") as answered:
        visit.page.evaluate("() => uppy.cancel()")
    assert answered.value.status == 200
    assert visit.client.get("/api/me").json()["quota"] == before
