"""One gate: every door by every rule by every storage has the same verdict, and leaves nothing."""

import pytest

from tests.kit.application import Person
from tests.kit.doors import DOORS, Door, Sent, Verdict
from tests.uploads.matrix.conftest import BEGUN, FAILED, House
from tests.uploads.matrix.rules import ACCEPTED, RULES, ZIP, Rule

pytestmark = pytest.mark.slow


def can_be_tried(door: Door, rule: Rule) -> bool:
    """Whether there is such a cell."""
    if (rule.needs_size and not door.tells_size) or (rule.needs_no_size and door.tells_size):
        return False
    return not any(door.name.startswith(beginning) for beginning in rule.elsewhere)


CELLS = [
    pytest.param(door, rule, id=f"{door.name}-{rule.name}")
    for door in DOORS
    for rule in RULES
    if can_be_tried(door, rule)
]


def do_first(house: House, owner: Person, collection: str, what: str) -> None:
    """As many uploads as an account may begin, or fail with."""
    times = {"begun": BEGUN.count, "failed": FAILED}.get(what, 0)
    wanted = {"collection": collection, "filename": "tool.zip", "size": len(ZIP)}
    with house.client(owner) as client:
        for _ in range(times):
            made = client.post("/api/uploads", json=wanted)
            assert made.status_code == 201, made.text
            if what == "failed":
                client.delete(f"/api/uploads/{made.json()['id']}").raise_for_status()


def sender(house: House, rule: Rule, owner: Person, collection: str) -> Person | None:
    """Who tries."""
    if rule.who in ("owner", "guest"):
        return owner if rule.who == "owner" else None
    if rule.who == "read":
        with house.client(owner) as client:
            made = client.post("/api/keys", json={"name": "reader", "scopes": ["read"]}).json()
        return Person(owner.id, owner.name, made["key"])
    stranger = house.person()
    if rule.who == "viewer":
        with house.client(owner) as client:
            where = f"/api/collections/{collection}/members/{stranger.id}"
            client.put(where, json={"role": "viewer"}).raise_for_status()
    return stranger


@pytest.mark.parametrize(("door", "rule"), CELLS)
def test_every_door_has_the_same_verdict_and_leaves_nothing(house: House, door: Door, rule: Rule):
    owner = house.person(**rule.limits)
    collection = house.collection(owner, rule.policy)
    if rule.limits.get("daily_files"):
        with house.client(owner) as client:
            assert DOORS[0].send(client, Sent(collection, ZIP)).status == 200
    do_first(house, owner, collection, rule.first)
    who = sender(house, rule, owner, collection)
    watched = [owner] if who is None else [owner, who]
    before = house.storage.listing(house.running), [house.counted(one) for one in watched]
    alive = [house.living(one) for one in watched]
    sent = Sent(rule.collection or collection, rule.body, rule.filename, rule.declared_type)
    with house.client(who) as client:
        verdict = door.send(client, sent)
    assert verdict == rule.verdict, verdict.answer
    if rule.is_early and "form" not in door.name and not door.name.startswith("raw"):
        assert verdict.sent_bytes == 0
    after = house.storage.listing(house.running), [house.counted(one) for one in watched]
    assert after == before
    assert [house.living(one) for one in watched] == alive


@pytest.mark.parametrize("filename", ACCEPTED)
@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
def test_every_door_makes_the_same_file_of_the_same_bytes(house: House, door: Door, filename: str):
    maker, found_type = ACCEPTED[filename]
    body = maker()
    owner = house.person()
    collection = house.collection(owner, {})
    with house.client(owner) as client:
        verdict = door.send(client, Sent(collection, body, filename, "application/octet-stream"))
        assert verdict == Verdict(200, "ok"), verdict.answer
        (file,) = client.get(f"/api/collections/{collection}/files").json()["files"]
        assert (file["filename"], file["size"]) == (filename, len(body))
        assert file["content_type"] == found_type
        assert client.get(file["original_url"]).content == body
    assert house.counted(owner) == {
        "usage_days.used_bytes": len(body),
        "usage_days.used_files": 1,
        "usage_totals.used_bytes": len(body),
    }
    assert house.living(owner) == []
