"""Whose word counts of where a client is: on a server process of its own, as its audit log has it."""

import sqlite3
from pathlib import Path

import httpx2
import pytest

from tests.kit.server_process import prepare_data, server_process

CLIENT = "203.0.113.9"

pytestmark = pytest.mark.slow


def origin_of_a_change(data_dir: Path, environment: dict[str, str], forwarded_for: str) -> str:
    key = prepare_data(data_dir, {}, "wall")
    headers = {"Authorization": f"Bearer {key}", "X-Forwarded-For": forwarded_for}
    with server_process(data_dir, {"CIMAISE_LOG_FORMAT": "json"} | environment) as server:
        made = httpx2.post(
            f"{server.url}/api/keys", json={"name": "k"}, headers=headers, timeout=60
        )
        assert made.status_code == 201, made.text
        server.terminate()
    with sqlite3.connect(data_dir / "cimaise.db") as database:
        wanted = "select origin from audit where action = 'key.created' and origin is not null"
        [(origin,)] = database.execute(wanted).fetchall()
    database.close()
    return str(origin)


@pytest.mark.parametrize(
    ("trusted", "forwarded_for", "origin"),
    [
        ("", CLIENT, CLIENT),  # a proxy on the same machine
        ("", f"198.51.100.1, {CLIENT}", CLIENT),  # what the client says itself counts for nothing
        ("none", CLIENT, "127.0.0.1"),
        ("10.0.0.0/8", CLIENT, "127.0.0.1"),
        ("127.0.0.0/8, 10.0.0.0/8", f"{CLIENT}, 10.1.2.3", CLIENT),  # two proxies in a row
    ],
)
def test_only_proxies_that_are_trusted_say_where_a_client_is(
    tmp_path: Path, trusted: str, forwarded_for: str, origin: str
):
    environment = {"CIMAISE_SERVER_TRUSTED_PROXIES": trusted}
    assert origin_of_a_change(tmp_path, environment, forwarded_for) == origin
