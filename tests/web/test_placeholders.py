"""Published pictures get what is shown until they have come."""

import base64
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import update

from cimaise.database.schema import files
from cimaise.errors import Invalid, Unavailable
from cimaise.images.limits import RenderLimits
from cimaise.images.placeholder import make_placeholder
from cimaise.jobs.base import Turn
from cimaise.jobs.passing import Passing
from cimaise.jobs.placeholders import Draw, make_placeholders
from cimaise.library.placeholders import BarePicture
from tests.kit.application import Person, RunningApplication
from tests.kit.pictures import quadrants

LIMITS = RenderLimits(max_width=2560, max_pixels=10**8, max_frames=100)


async def draw(source: bytes | Path) -> str:
    return make_placeholder(source, LIMITS)


def run_job(server: RunningApplication, with_draw: Draw = draw) -> int:
    services = server.application.services
    turn = Turn(datetime.now(UTC), services.database)
    return server.run(make_placeholders(turn, services.storage, with_draw, max_bytes=10**8))


def hang(server: RunningApplication, ann: Person, name: str) -> str:
    """A published picture without a placeholder, whatever the server's own job has done."""
    picture = bytes(quadrants(80, 60).write_to_buffer(".png"))
    with server.client(ann) as client:
        made = client.put(f"/api/collections/inbox/files/{name}", content=picture)
    assert made.status_code == 201, made.text
    take_away(server, made.json()["id"])
    return str(made.json()["id"])


def take_away(server: RunningApplication, file_id: str) -> None:
    statement = update(files).where(files.c.id == file_id).values(placeholder=None)
    database = server.application.services.database
    server.run(database.write(lambda connection: connection.execute(statement).rowcount))


def placeholder(server: RunningApplication, ann: Person, file_id: str) -> str | None:
    with server.client(ann) as client:
        told = client.get(f"/api/files/{file_id}").json().get("placeholder")
        assert client.get(f"/images/{file_id}/info").json()["placeholder"] == told
    return None if told is None else str(told)


def test_a_published_picture_gets_its_placeholder(server: RunningApplication, ann: Person) -> None:
    file_id = hang(server, ann, "one.png")
    assert run_job(server) >= 1
    told = placeholder(server, ann, file_id)
    assert told is not None
    assert len(base64.b64decode(told)) >= 5
    assert run_job(server) == 0


def test_a_picture_that_cannot_be_drawn_is_tried_once(
    server: RunningApplication, ann: Person
) -> None:
    file_id = hang(server, ann, "two.png")
    tried: list[object] = []

    async def refuse(source: bytes | Path) -> str:
        tried.append(source)
        raise Invalid("It is too complex.", code="too_complex")

    assert run_job(server, refuse) == 0
    assert run_job(server, refuse) == 0
    assert len(tried) == 1
    assert placeholder(server, ann, file_id) is None


def test_pictures_whose_storage_is_away_hold_up_no_others(
    server: RunningApplication, ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cimaise.jobs.placeholders.MOST", 2)
    server.run(server.application._parts.runner.stop())  # the server's own job draws, too
    hung = [hang(server, ann, f"{number}.png") for number in range(5)]
    services, passing = server.application.services, Passing[BarePicture]()
    turn, tries = Turn(datetime.now(UTC), services.database), iter(range(100))

    async def away_at_first(source: bytes | Path) -> str:
        if next(tries) < 2:
            raise Unavailable("The storage cannot be reached.")
        return await draw(source)

    def run() -> int:
        work = make_placeholders(
            turn, services.storage, away_at_first, max_bytes=10**8, passing=passing
        )
        return server.run(work)

    assert [run() for _ in range(3)] == [0, 2, 1]
    assert [bool(placeholder(server, ann, one)) for one in hung] == [True] * 3 + [False] * 2
    assert run() == 2


def test_a_picture_whose_storage_is_away_is_tried_again(
    server: RunningApplication, ann: Person
) -> None:
    file_id = hang(server, ann, "three.png")

    async def away(_source: bytes | Path) -> str:
        raise Unavailable("The storage cannot be reached.")

    assert run_job(server, away) == 0
    assert run_job(server) == 1
    assert placeholder(server, ann, file_id) is not None
