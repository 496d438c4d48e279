"""Webhooks on the pages of administrators: made, watched, sent again, ended."""

import re

import pytest
from sqlalchemy import Connection, update

from cimaise.app.sources import random_id
from cimaise.database.audit.sealing import seal
from cimaise.database.schema import webhook_deliveries
from cimaise.webhooks.rows import fan_out
from tests.kit.application import Person, RunningApplication

SELF = {"sec-fetch-site": "same-origin", "accept": "text/html"}
PAGE = "/admin/webhooks"
NOBODY = "http://127.0.0.1:9/hook"


def make(server: RunningApplication, root: Person, events: str) -> str:
    """A webhook that nobody answers for; its id."""
    with server.client(root) as admin:
        made = admin.post(PAGE, data={"url": NOBODY, "events": events}, headers=SELF)
        assert made.status_code == 200, made.text
        assert re.search(r'<code class="key">whsec_[^<]+</code>', made.text)
        found = admin.get("/api/admin/webhooks").json()["webhooks"][-1]
    assert found["events"] == events.replace(",", " ").split()
    return str(found["id"])


def test_a_secret_is_shown_once(server: RunningApplication, root: Person) -> None:
    hook = make(server, root, "file.published, upload.*")
    with server.client(root) as admin:
        for path in (PAGE, f"{PAGE}/{hook}"):
            shown = admin.get(path, headers=SELF).text
            assert NOBODY in shown
            assert "whsec_" not in shown


def fail_all(server: RunningApplication, hook: str) -> None:
    """Find what there is to tell, as the job does, and give every message up."""
    services = server.application.services

    def work(connection: Connection) -> None:
        while seal(connection)[0]:
            pass
        fan_out(connection, new_id=random_id, now=services.clock())
        mine = webhook_deliveries.c.webhook_id == hook
        values = {"state": "failed", "attempts": 7, "last_status": 500}
        connection.execute(update(webhook_deliveries).where(mine).values(**values))

    server.run(services.database.write(work))


def test_messages_are_listed_with_their_fate_and_sent_again(
    server: RunningApplication, root: Person
) -> None:
    hook = make(server, root, "account.*")
    url = f"/api/admin/webhooks/{hook}/deliveries"
    with server.client(root) as admin:
        assert "Nothing has been told yet" in admin.get(f"{PAGE}/{hook}", headers=SELF).text
        admin.post("/api/admin/accounts", json={"name": f"told-{hook[:8].lower()}"})
        fail_all(server, hook)
        shown = admin.get(f"{PAGE}/{hook}", headers=SELF).text
        assert "account.created" in shown
        assert '<span class="state failed">failed</span>' in shown
        (delivery,) = admin.get(url).json()["deliveries"]
        form = {"action": "replay", "delivery": delivery["id"]}
        again = admin.post(f"{PAGE}/{hook}", data=form, headers=SELF)
        assert again.headers["location"] == f"{PAGE}/{hook}?did=replayed"
        assert admin.get(url).json()["deliveries"][0]["state"] == "waiting"
        assert admin.post(f"{PAGE}/{hook}", data=form, headers=SELF).status_code == 409
        form["delivery"] = "nothing"
        assert admin.post(f"{PAGE}/{hook}", data=form, headers=SELF).status_code == 404


@pytest.mark.parametrize(
    ("form", "field"),
    [({"url": "ftp://x", "events": "*"}, "url"), ({"url": NOBODY, "events": "1"}, "events")],
)
def test_a_form_that_cannot_be_meant_makes_nothing(
    server: RunningApplication, root: Person, form: dict[str, str], field: str
) -> None:
    own = {"sec-fetch-site": "same-origin"}
    with server.client(root) as admin:
        before = admin.get("/api/admin/webhooks").json()
        answer = admin.post(PAGE, data=form, headers=own)
        assert (answer.status_code, answer.json()["field"]) == (422, field)
        assert admin.get("/api/admin/webhooks").json() == before


def test_one_is_ended_and_gone(server: RunningApplication, root: Person) -> None:
    hook = make(server, root, "*")
    with server.client(root) as admin:
        assert admin.post(f"{PAGE}/{hook}", data={"action": "x"}, headers=SELF).status_code == 422
        ended = admin.post(f"{PAGE}/{hook}", data={"action": "end"}, headers=SELF)
        assert (ended.status_code, ended.headers["location"]) == (303, f"{PAGE}?did=ended")
        assert admin.get(f"{PAGE}/{hook}", headers=SELF).status_code == 404
        assert hook not in admin.get(PAGE, headers=SELF).text


def test_only_administrators_use_the_forms_and_only_here(
    server: RunningApplication, ann: Person, root: Person
) -> None:
    hook = make(server, root, "*")
    with server.client() as guest, server.client(ann) as member, server.client(root) as admin:
        for path, form in ((PAGE, {"url": NOBODY}), (f"{PAGE}/{hook}", {"action": "end"})):
            assert guest.post(path, data=form, headers=SELF).status_code == 401
            assert member.post(path, data=form, headers=SELF).status_code == 403
            elsewhere = SELF | {"sec-fetch-site": "cross-site"}
            assert admin.post(path, data=form, headers=elsewhere).status_code == 403
        assert member.get(f"{PAGE}/{hook}", headers=SELF).status_code == 403
