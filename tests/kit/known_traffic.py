"""Requests of several people whose every byte is counted by their clients, and how the day went."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from tests.kit.commands import command
from tests.kit.ledger import CountingClient
from tests.kit.pictures import quadrants
from tests.kit.raw_http import RawClient
from tests.kit.tus_http import BYTES
from tests.kit.tus_http import Client as TusClient
from tests.kit.uploading import zipped

PICTURE: Final = bytes(quadrants(640, 480).jpegsave_buffer())
ARCHIVE: Final = zipped(300_000)
FILM: Final = zipped(40_000_000)
FILES: Final = "/api/collections/holiday/files"


@dataclass(frozen=True)
class Person:
    """An account that is there before the server."""

    id: str
    key: str


def new_account(data_dir: Path, name: str, role: str = "member") -> Person:
    """Make one by the command line."""
    text = command(data_dir, "accounts", "create", name, "--role", role, "--json")
    made: dict[str, Any] = json.loads(text)
    return Person(made["id"], made["key"])


def give(ann: CountingClient, nobody: CountingClient) -> dict[str, str]:
    """Uploads by four doors, three that fail; gives the ids of a picture, an archive and a film.

    ``nobody`` does not sign in: what it sends goes to addresses that are a right of Ann's.
    """
    made = {"name": "holiday", "visibility": "public"}
    ann.post("/api/collections", json=made).raise_for_status()
    picture = ann.put(f"{FILES}/a.jpg", content=PICTURE).raise_for_status().json()["id"]
    archive = direct(ann, nobody, ARCHIVE, "b.zip")
    film = ann.put(f"{FILES}/c.zip", content=FILM).raise_for_status().json()["id"]
    by_form = {"file": ("d.jpg", PICTURE, "image/jpeg")}
    ann.post("/upload", data={"collection": "holiday"}, files=by_form).raise_for_status()
    through_tus(ann, nobody)
    fail(ann, nobody)
    return {"picture": picture, "archive": archive, "film": film}


def direct(client: CountingClient, nobody: CountingClient, body: bytes, filename: str) -> str:
    """By a signed URL; gives the id of the file."""
    upload = begun(client, body, filename)
    nobody.put(upload["url"], content=body, headers=upload["headers"]).raise_for_status()
    done = client.post(f"/api/uploads/{upload['id']}/complete", json={"parts": None})
    done.raise_for_status()
    made = client.post(FILES, json={"upload": upload["id"]}).raise_for_status()
    return str(made.json()["id"])


def begun(client: CountingClient, body: bytes, filename: str, **more: str) -> dict[str, Any]:
    """An upload that has an address and no bytes yet."""
    intent = {"collection": "holiday", "filename": filename, "size": len(body), **more}
    answer = client.post("/api/uploads", json=intent).raise_for_status()
    return dict(answer.json())


def through_tus(client: CountingClient, nobody: CountingClient) -> None:
    """In two requests of somebody who only knows the address."""
    tus = TusClient(client, nobody, "holiday")
    address = tus.create(len(ARCHIVE))
    for start, stop in ((0, 100_000), (100_000, len(ARCHIVE))):
        tus.patch(address, ARCHIVE[start:stop], offset=start).raise_for_status()


def fail(client: CountingClient, nobody: CountingClient) -> None:
    """An upload of other content than its name says, one with a wrong checksum, one given up."""
    assert client.put(f"{FILES}/e.jpg", content=ARCHIVE[:50_000]).status_code == 415
    wrong = begun(client, PICTURE, "f.jpg", checksum_sha256="A" * 43 + "=")
    nobody.put(wrong["url"], content=PICTURE, headers=wrong["headers"]).raise_for_status()
    refused = client.post(f"/api/uploads/{wrong['id']}/complete", json={"parts": None})
    assert refused.status_code == 422
    given_up = begun(client, ARCHIVE, "g.zip")
    assert client.delete(f"/api/uploads/{given_up['id']}").status_code == 204


def fetch(ben: CountingClient, ids: dict[str, str]) -> None:
    """Whole, in ranges, only the head, unchanged, in another size, as an archive, nothing."""
    film, picture = f"/files/{ids['film']}", f"/files/{ids['picture']}"
    whole = ben.get(picture).raise_for_status()
    for _ in range(2):  # the second time it may be open still
        assert ben.get(film, headers={"Range": "bytes=1000-200999"}).status_code == 206
    assert ben.get(film, headers={"Range": "bytes=0-9,100-199"}).status_code == 206
    assert ben.get(film, headers={"Range": "bytes=999999999-"}).status_code == 416
    assert ben.get(picture, headers={"If-None-Match": whole.headers["etag"]}).status_code == 304
    assert ben.head(film).status_code == 200
    for width in (100, 100, 100, 200):  # made, kept, ready, made
        ben.get(f"/images/{ids['picture']}", params={"width": width}).raise_for_status()
    ben.get("/api/collections/holiday/zip", params={"file": ids["archive"]}).raise_for_status()
    assert ben.get("/files/nothing-like-this").status_code == 404


def turn_away(url: str, key: str, path: str) -> int:
    """Begin a download and go; gives how many bytes of the body came."""
    with RawClient(url) as client:
        client.send_head("GET", path, f"Authorization: Bearer {key}")
        client.read_head()
        came = client.read_some(300_000)
        client.reset()
    return came


def break_off(erik: CountingClient, url: str, sent: int) -> int:
    """Begin to send twice as much by tus, and go; gives how many bytes the server has kept."""
    erik.post("/api/collections", json={"name": "half"}).raise_for_status()
    tus = TusClient(erik, erik, "half")
    address = tus.create(2 * sent)
    with RawClient(url) as client:
        client.send_head(
            "PATCH", urlsplit(address).path, "Tus-Resumable: 1.0.0", f"Content-Type: {BYTES}",
            "Upload-Offset: 0", f"Content-Length: {2 * sent}",
        )  # fmt: skip
        client.send(FILM[:sent])
        client.wait_until_read()
    return tus.offset(address)
