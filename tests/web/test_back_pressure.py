"""More pictures asked for than can be made, over real sockets."""

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from cimaise.images.pipeline import Rendered
from tests.kit.application import RunningApplication, running_application
from tests.kit.pictures import quadrants


class Gate:
    """In the place of the maker of pictures: waits until it is opened, for ever nobody."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.begun: list[int] = []
        self.stopped = 0

    def __call__(self, source: Any, spec: Any, limits: Any, stop: Any) -> Rendered:
        self.begun.append(spec.width)
        while not self.opened.wait(0.01):
            if stop.is_asked:
                self.stopped += 1
                stop.require_wanted()
        return Rendered(b"made", "image/webp", spec.width, 1)


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def server(tmp_path: Any, gate: Gate) -> Iterator[RunningApplication]:
    def narrow(settings: Any) -> Any:
        images = replace(settings.images, workers=1, queue=1, costly_queue=1)
        return replace(settings, images=images)

    album = tmp_path / "albums" / "walk"
    album.mkdir(parents=True)
    for width in (10, 11, 12, 20, 30):
        (album / f"{width}.jpg").write_bytes(quadrants(300, 200).write_to_buffer(".jpg"))
    with running_application(tmp_path, narrow) as running:
        making = running.application.services.images.variants._making
        making._render = gate
        yield running
        gate.opened.set()


def url(server: RunningApplication, width: int, format_: str = "webp") -> str:
    return f"{server.url}/resize?url=/albums/walk/{width}.jpg&width={width}&format={format_}"


def wait_until(condition: Any) -> None:
    ticks = threading.Event()
    for _ in range(1000):
        if condition():
            return
        ticks.wait(0.01)
    raise AssertionError("it did not happen")


def ask_and_leave(server: RunningApplication, width: int) -> socket.socket:
    address = server.url.removeprefix("http://").split(":")
    client = socket.create_connection((address[0], int(address[1])))
    path = url(server, width).removeprefix(server.url)
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return client


def waiting(server: RunningApplication) -> int:
    return server.application.services.images.variants._making._lanes.cheap.sources.taken


@pytest.mark.slow
def test_a_full_queue_answers_503_with_the_time_to_come_back_and_other_lanes_go_on(
    server: RunningApplication, gate: Gate
):
    with ThreadPoolExecutor(8) as pool:
        making = pool.submit(httpx2.get, url(server, 10), timeout=60)
        wait_until(lambda: gate.begun == [10])
        queued = [
            pool.submit(httpx2.get, url(server, 11 + number), timeout=60) for number in range(2)
        ]
        wait_until(lambda: waiting(server) == 3)
        refused = httpx2.get(url(server, 20))
        assert (refused.status_code, refused.json()["code"]) == (503, "busy")
        assert int(refused.headers["retry-after"]) >= 1
        costly = pool.submit(httpx2.get, url(server, 30, "avif"), timeout=60)
        wait_until(lambda: 30 in gate.begun)
        gate.opened.set()
        for answer in (making, costly, *queued):
            assert answer.result(60).status_code == 200


def test_a_client_that_leaves_frees_its_place_and_stops_the_work(
    server: RunningApplication, gate: Gate
):
    clients = [ask_and_leave(server, 10)]
    wait_until(lambda: gate.begun == [10])
    clients += [ask_and_leave(server, 11), ask_and_leave(server, 12)]
    wait_until(lambda: waiting(server) == 3)
    assert httpx2.get(url(server, 20)).status_code == 503
    for client in clients[1:]:  # first those who wait, or the first one's place would be theirs
        client.close()
    wait_until(lambda: waiting(server) == 1)
    clients[0].close()
    wait_until(lambda: waiting(server) == 0)
    wait_until(lambda: gate.stopped == 1)
    assert gate.begun == [10]
    gate.opened.set()
    assert httpx2.get(url(server, 20)).status_code == 200


def test_one_who_leaves_does_not_take_the_picture_from_another(
    server: RunningApplication, gate: Gate
):
    leaver = ask_and_leave(server, 10)
    wait_until(lambda: gate.begun == [10])
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(httpx2.get, url(server, 10), timeout=60)
        flights = server.application.services.images.variants._kept._flights._flights
        wait_until(lambda: [one.waiting for one in flights.values()] == [2])
        leaver.close()
        wait_until(lambda: [one.waiting for one in flights.values()] == [1])
        gate.opened.set()
        assert other.result(60).content == b"made"
    assert gate.begun == [10]
