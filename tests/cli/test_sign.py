"""``cimaise sign``, as a program, against a running server."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from tests.kit.application import Person, RunningApplication, running_application
from tests.kit.pictures import quadrants


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApplication]:
    def signed(settings: Any) -> Any:
        return replace(settings, images=replace(settings.images, policy="signed"))

    with running_application(tmp_path_factory.mktemp("data"), signed) as running:
        yield running


@pytest.fixture(scope="module")
def ann(server: RunningApplication) -> Person:
    return server.person("ann")


def upload(server: RunningApplication, ann: Person, collection: str) -> str:
    with server.client(ann) as client:
        client.post("/api/collections", json={"name": collection, "visibility": collection})
        body = bytes(quadrants(300, 200).write_to_buffer(".png"))
        made = client.put(f"/api/collections/{collection}/files/a.png", content=body)
        return str(made.json()["id"])


def run(server: RunningApplication, *arguments: str) -> "subprocess.CompletedProcess[str]":
    data_dir = str(server.application.settings.data.dir)
    command = [sys.executable, "-m", "cimaise", "sign", *arguments, "--data-dir", data_dir]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


@pytest.mark.slow
def test_a_signed_picture_of_any_size_is_given(server: RunningApplication, ann: Person):
    url = f"{server.url}/images/{upload(server, ann, 'public')}?width=77"
    assert httpx2.get(url).status_code == 403
    done = run(server, url, "--expires", "1h")
    assert done.returncode == 0, done.stderr
    signed = done.stdout.strip()
    assert "expires=" in signed
    assert httpx2.get(signed).status_code == 200


@pytest.mark.slow
def test_a_private_file_and_its_pictures_are_opened_by_a_link(
    server: RunningApplication, ann: Person
):
    file_id = upload(server, ann, "private")
    for path in (f"/files/{file_id}?download=1", f"/images/{file_id}/thumb"):
        assert httpx2.get(server.url + path).status_code == 401
        done = run(server, server.url + path, "--expires", "10m", "--json")
        assert done.returncode == 0, done.stderr
        assert httpx2.get(json.loads(done.stdout)["url"]).status_code == 200


@pytest.mark.slow
@pytest.mark.parametrize(
    ("url", "word"),
    [("/api/me", "no address"), ("/files/nothing", "no such file"), ("ftp://x/y", "no address")],
)
def test_what_cannot_be_signed_ends_with_one_line(server: RunningApplication, url: str, word: str):
    done = run(server, url)
    assert done.returncode == 1
    assert word in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
