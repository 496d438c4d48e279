"""Known traffic of several people through a real server, and every place that says how much."""

import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from tests.kit.commands import command
from tests.kit.known_traffic import FILM, break_off, fetch, give, new_account, turn_away
from tests.kit.ledger import CountingClient, Ledger
from tests.kit.server_process import server_process

SAMPLE = re.compile(r"^cimaise_(\w+?)(?:\{(.*)\})? (\S+)$", re.MULTILINE)
LABEL = re.compile(r'(\w+)="([^"]*)"')
SENT = 500_000
pytestmark = pytest.mark.slow


@dataclass
class Told:
    """What the server says: its metrics, its administration, and its report after its end."""

    metrics: list[tuple[str, dict[str, str], float]]
    delivery: dict[str, Any]
    uploads: dict[str, Any]
    usage: dict[str, Any]

    def metric(self, name: str, **labels: str) -> float:
        """The sum of the samples that have these labels."""
        return sum(
            value
            for found, has, value in self.metrics
            if found == name and labels.items() <= has.items()
        )

    def used(self, name: str) -> Counter[str]:
        """The days of an account in the report of use, together."""
        sums = Counter[str]()
        for day in self.usage["days"]:
            if day["name"] == name:
                sums.update(
                    {what: day[what] for what in ("requests", "received_bytes", "sent_bytes")}
                )
        return sums

    def delivered(self, account_id: str) -> tuple[int, int]:
        """Transfers of an account and their bytes, over the days."""
        rows = [one for one in self.delivery["readers"] if one["id"] == account_id]
        return sum(one["requests"] for one in rows), sum(one["bytes"] for one in rows)


@dataclass
class Played:
    """Who did what, and what the server told of it."""

    ledgers: dict[str, Ledger]
    ids: dict[str, str]
    came: int  # of a download that was broken off
    kept: int  # of an upload that was broken off
    told: Told

    def before(self) -> list[Ledger]:
        """Of those who had done all before the look at the metrics."""
        return [self.ledgers[name] for name in ("ann", "ben", "root")]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    data = tmp_path_factory.mktemp("played")
    people = {name: new_account(data, name) for name in ("ann", "ben", "carl", "erik")}
    root = new_account(data, "root", "admin")
    ledgers = {name: Ledger() for name in ("ann", "ben", "root", "erik")}
    with server_process(data, {}) as server:
        ann, ben = (
            CountingClient(server.url, ledgers[name], people[name].key) for name in ("ann", "ben")
        )
        with ann, ben, CountingClient(server.url, ledgers["ann"]) as nobody:
            files = give(ann, nobody)
            fetch(ben, files)
        with CountingClient(server.url, ledgers["root"], root.key) as admin:
            delivery = admin.get("/api/admin/delivery?days=2").json()
            uploads = admin.get("/api/admin/uploads/stats").json()
            metrics = httpx2.get(f"{server.url}/metrics").text
        came = turn_away(server.url, people["carl"].key, f"/files/{files['film']}")
        with CountingClient(server.url, ledgers["erik"], people["erik"].key) as erik:
            kept = break_off(erik, server.url, SENT)
        server.terminate()
    usage = json.loads(command(data, "usage", "--json"))
    samples = [
        (name, dict(LABEL.findall(labels)), float(value))
        for name, labels, value in SAMPLE.findall(metrics)
    ]
    ids = {name: person.id for name, person in people.items()}
    return Played(ledgers, ids, came, kept, Told(samples, delivery, uploads, usage))


@pytest.mark.parametrize("name", ["ann", "ben", "root"])
def test_the_report_has_the_requests_and_bytes_that_each_client_counted(played: Played, name: str):
    mine = played.ledgers[name]
    assert played.told.used(name) == {
        "requests": mine.requests, "received_bytes": mine.sent, "sent_bytes": mine.received,
    }  # fmt: skip


def test_the_metrics_have_the_same_requests_by_status(played: Played):
    statuses = sum((one.statuses for one in played.before()), Counter[int]())
    for status, count in statuses.items():
        assert played.told.metric("requests_total", status=str(status)) == count, status
    assert played.told.metric("requests_total", outcome="complete") == statuses.total()


def test_the_metrics_have_the_same_bytes(played: Played):
    ledgers = played.before()
    assert played.told.metric("received_bytes_total") == sum(one.sent for one in ledgers)
    assert played.told.metric("sent_bytes_total") == sum(one.received for one in ledgers)


def test_the_administration_has_the_transfers_of_each_reader(played: Played):
    mine = played.ledgers["ben"]
    assert played.told.delivered(played.ids["ben"]) == (mine.transfers, mine.transferred)


def test_the_uploads_of_the_day_are_those_that_were_begun_and_how_they_ended(played: Played):
    total = played.told.uploads["total"]
    assert (total["begun"], total["completed"]) == (8, 5)
    assert (total["rejected"], total["aborted"]) == (2, 1)


def test_pictures_are_counted_as_they_were_come_by(played: Played):
    made, kept, ready, failed = (
        played.told.metric("variants_total", outcome=name)
        for name in ("made", "kept", "ready", "failed")
    )
    assert (made, kept + ready, failed) == (2, 2, 0)


def test_of_what_broke_off_so_much_is_counted_as_went(played: Played):
    got, gave = played.told.used("carl"), played.told.used("erik")
    assert got["requests"] == 1
    assert played.came <= got["sent_bytes"] < len(FILM)
    assert gave["requests"] == played.ledgers["erik"].requests + 1
    assert gave["received_bytes"] - played.ledgers["erik"].sent == played.kept <= SENT
