"""A client written from the interface alone: what a stranger's program would do."""

from typing import Any

import httpx2

from tests.kit.application import RunningApplication


def send_file(
    client: httpx2.Client, collection: str, filename: str, body: bytes, **intent: Any
) -> dict[str, Any]:
    """Create, PUT everything, complete; gives the answer to complete."""
    made = client.post(
        "/api/uploads",
        json={"collection": collection, "filename": filename, "size": len(body), **intent},
    )
    assert made.status_code == 201, made.text
    upload = made.json()
    parts = None
    if upload["strategy"] == "single":
        sent = httpx2.put(upload["url"], content=body, headers=upload["headers"])
        assert sent.status_code == 200, sent.text
    else:
        parts = [
            {"part_number": part["part_number"], "etag": send_part(part, upload, body)}
            for part in upload["parts"]
        ]
    done = client.post(f"/api/uploads/{upload['id']}/complete", json={"parts": parts})
    assert done.status_code == 200, done.text
    return done.json()


def send_part(part: dict[str, Any], upload: dict[str, Any], body: bytes) -> str:
    """PUT one part; gives its ETag."""
    start = (part["part_number"] - 1) * upload["part_size"]
    sent = httpx2.put(part["url"], content=body[start : start + part["size"]])
    assert sent.status_code == 200, sent.text
    return sent.headers["etag"]


def publish_file(
    client: httpx2.Client, collection: str, filename: str, body: bytes, **caption: Any
) -> dict[str, Any]:
    """:func:`send_file`, then publish; gives the file."""
    done = send_file(client, collection, filename, body)
    published = client.post(
        f"/api/collections/{collection}/files", json={"upload": done["id"], **caption}
    )
    assert published.status_code == 201, published.text
    return published.json()


def make_collection(server: RunningApplication, client: httpx2.Client, **more: Any) -> str:
    """A new collection of the client's; gives its name."""
    name = f"collection-{server.run(_next_id(server))}".lower()
    made = client.post("/api/collections", json={"name": name, **more})
    assert made.status_code == 201, made.text
    return name


async def _next_id(server: RunningApplication) -> str:
    from cimaise.app import random_id  # noqa: PLC0415

    return random_id()[:12]
