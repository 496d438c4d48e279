"""What administrators see and do, as JSON and as pages that work by plain forms."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimaise.web.pages.charts import by_day, scale_for
from tests.kit.application import Person, RunningApplication
from tests.kit.pictures import quadrants

SELF = {"sec-fetch-site": "same-origin", "accept": "text/html"}
PAGES = (
    "/admin",
    "/admin/uploads",
    "/admin/accounts",
    "/admin/takedowns",
    "/admin/webhooks",
)
LISTS = ("/api/admin/accounts", "/api/admin/uploads", "/api/admin/uploads/stats")


@pytest.mark.parametrize("path", [*PAGES, *LISTS])
def test_only_administrators_see_it(
    server: RunningApplication, ann: Person, root: Person, path: str
) -> None:
    with server.client() as guest, server.client(ann) as member, server.client(root) as admin:
        assert guest.get(path, headers={"accept": "application/json"}).status_code == 401
        assert member.get(path, headers={"accept": "application/json"}).status_code == 403
        assert admin.get(path, headers=SELF).status_code == 200


def test_an_account_is_made_limited_disabled_and_enabled(
    server: RunningApplication, root: Person
) -> None:
    with server.client(root) as admin:
        made = admin.post("/api/admin/accounts", json={"name": "dora", "daily_files": 3}).json()
        headers = {"authorization": f"Bearer {made['key']}"}
        assert made["daily_files"] == 3
        changed = admin.patch(
            "/api/admin/accounts/dora", json={"daily_files": None, "total_bytes": 10}
        ).json()
        assert (changed["daily_files"], changed["total_bytes"]) == (None, 10)
        with server.client() as dora:
            assert dora.get("/api/me", headers=headers).json()["quota"]["total_bytes"] == 10
            admin.patch("/api/admin/accounts/dora", json={"disabled": True})
            assert dora.get("/api/me", headers=headers).status_code == 401
            shown = admin.patch("/api/admin/accounts/dora", json={"disabled": False}).json()
            assert shown["disabled_at"] is None
            assert dora.get("/api/me", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"total_bytes": -1}, "total_bytes"),
        ({"daily_files": 2**40}, "daily_files"),
        ({"role": "king"}, "role"),
        ({"daily_bytes": "1"}, "daily_bytes"),
    ],
)
def test_a_change_that_cannot_be_is_refused(
    server: RunningApplication, root: Person, ann: Person, body: dict[str, object], field: str
) -> None:
    with server.client(root) as admin:
        answer = admin.patch(f"/api/admin/accounts/{ann.name}", json=body)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


def test_an_account_that_is_not_there_is_not_found(
    server: RunningApplication, root: Person
) -> None:
    with server.client(root) as admin:
        assert admin.patch("/api/admin/accounts/nobody", json={}).status_code == 404


def test_forms_make_and_change_accounts(server: RunningApplication, root: Person) -> None:
    with server.client(root) as admin:
        made = admin.post("/admin/accounts", data={"name": "emil"}, headers=SELF)
        assert made.status_code == 200
        assert "cim_" in made.text
        form = {"action": "save", "daily_bytes": "10 GB", "daily_files": "", "total_bytes": "0"}
        saved = admin.post("/admin/accounts/emil", data=form, headers=SELF)
        assert (saved.status_code, saved.headers["location"]) == (303, "/admin/accounts?saved=1")
        (emil,) = [
            one
            for one in admin.get("/api/admin/accounts").json()["accounts"]
            if one["name"] == "emil"
        ]
        limits = (emil["daily_bytes"], emil["daily_files"], emil["total_bytes"])
        assert limits == (10 * 1024**3, None, 0)
        wrong = admin.post(
            "/admin/accounts/emil",
            data={"action": "save", "daily_bytes": "much"},
            headers={"sec-fetch-site": "same-origin"},
        )
        assert (wrong.status_code, wrong.json()["field"]) == (422, "daily_bytes")
        admin.post("/admin/accounts/emil", data={"action": "disable"}, headers=SELF)
        assert "disabled since" in admin.get("/admin/accounts", headers=SELF).text


def test_other_sites_send_no_forms(server: RunningApplication, root: Person) -> None:
    elsewhere = {"sec-fetch-site": "cross-site"}
    with server.client(root) as admin:
        for path in ("/admin/accounts", "/admin/accounts/x", "/admin/cleanup", "/admin/uploads/x"):
            answer = admin.post(path, data={"name": "eve"}, headers=elsewhere)
            assert answer.status_code == 403, path


def test_uploads_of_all_are_listed_by_state_and_ended(
    server: RunningApplication, root: Person, ann: Person
) -> None:
    with server.client(ann) as client:
        body = {"collection": "inbox", "filename": "slow.png", "size": 1000}
        upload = client.post("/api/uploads", json=body).json()
        assert client.get("/api/admin/uploads").status_code == 403
    with server.client(root) as admin:
        listed = admin.get("/api/admin/uploads", params={"state": "pending"}).json()["uploads"]
        assert [one["account"] for one in listed if one["id"] == upload["id"]] == [ann.id]
        assert "slow.png" in admin.get("/admin/uploads?state=pending", headers=SELF).text
        ended = admin.post(
            f"/admin/uploads/{upload['id']}", data={"next": "/admin/uploads?state=x"}, headers=SELF
        )
        assert ended.headers["location"] == "/admin/uploads?state=x"
        assert admin.get(f"/api/uploads/{upload['id']}").json()["state"] == "aborted"
        away = admin.post(
            f"/admin/uploads/{upload['id']}", data={"next": "//evil.example/"}, headers=SELF
        )
        assert away.headers["location"] == "/"


def test_the_overview_counts_what_is_kept_and_the_clean_up_tells(
    server: RunningApplication, root: Person, ann: Person
) -> None:
    picture = bytes(quadrants(80, 60).write_to_buffer(".png"))
    with server.client(ann) as client:
        assert client.put("/api/collections/inbox/files/o.png", content=picture).status_code == 201
    with server.client(root) as admin:
        text = admin.get("/admin", headers=SELF).text
        assert "Bytes received" in text
        tried = admin.post("/admin/cleanup", data={"action": "try"}, headers=SELF)
        assert tried.headers["location"].startswith("/admin?cleaned=would&count=")
        assert "It would free" in admin.get(tried.headers["location"], headers=SELF).text
        done = admin.post("/admin/cleanup", data={"action": "clean"}, headers=SELF)
        assert "cleaned=did" in done.headers["location"]
        assert "cleaned" not in admin.get("/admin?cleaned=did&count=x&bytes=1", headers=SELF).text


def test_a_chart_has_a_bar_for_every_day_and_shows_the_smallest_value() -> None:
    chart = by_day(
        {"2026-03-09": 1000, "2026-03-07": 1, "2020-01-01": 5}, today=date(2026, 3, 9), days=3
    )
    assert [(bar.day.day, bar.value, bar.height) for bar in chart.bars] == [
        (7, 1, 1.0),
        (8, 0, 0.0),
        (9, 1000, 100.0),
    ]
    assert (chart.highest, chart.total, chart.width) == (chart.bars[2], 1001, 30)
    assert [(tick.value, tick.y) for tick in chart.ticks] == [(1000, 0), (500, 50), (0, 100)]
    assert all(bar.y + bar.height == 100 for bar in chart.bars)


@pytest.mark.parametrize(
    ("highest", "in_bytes", "scale"),
    [
        (0, False, [0, 1]), (1, False, [0, 1]), (3, False, [0, 1, 2, 3]), (5, False, [0, 2, 4, 6]),
        (17, False, [0, 5, 10, 15, 20]), (1001, False, [0, 500, 1000, 1500]),
        (900, True, [0, 500, 1000]), (3 * 2**20, True, [0, 2**20, 2 * 2**20, 3 * 2**20]),
        (1500 * 1024, True, [0, 2**19, 2**20, 3 * 2**19]),
    ],
)  # fmt: skip
def test_a_scale_has_few_round_steps(highest: int, in_bytes: bool, scale: list[int]) -> None:
    assert scale_for(highest, in_bytes=in_bytes) == scale


@pytest.mark.parametrize("in_bytes", [True, False])
@given(highest=st.integers(0, 2**62))
def test_a_scale_reaches_the_highest_value_and_hardly_further(highest: int, in_bytes: bool) -> None:
    scale = scale_for(highest, in_bytes=in_bytes)
    assert 2 <= len(scale) <= 5
    assert scale == sorted(set(scale))
    assert scale[-1] >= highest
    assert scale[-2] <= highest


def test_a_chart_of_nothing_is_flat() -> None:
    chart = by_day({}, today=date(2026, 3, 9))
    assert {bar.height for bar in chart.bars} == {0.0}
