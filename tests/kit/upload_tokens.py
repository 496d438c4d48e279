"""Upload tokens, made and looked at over HTTP."""

import httpx2
from sqlalchemy import update

from cimaise.database.schema import upload_tokens
from tests.kit.application import RunningApplication
from tests.kit.companion import SMALL


def make_token(client: httpx2.Client, collection: str, **more: object) -> dict:
    answer = client.post("/api/upload-tokens", json={"collection": collection, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


def send_form(url: str, body: bytes = SMALL, **fields: str) -> httpx2.Response:
    return httpx2.post(url, data=fields, files={"file": ("a.zip", body)}, timeout=30)


def listed(client: httpx2.Client, token: dict) -> dict:
    found = client.get("/api/upload-tokens").json()["upload_tokens"]
    return next(one for one in found if one["id"] == token["id"])


def set_token(server: RunningApplication, token: dict, **values: object) -> None:
    database = server.application.services.database
    server.run(
        database.write(
            lambda connection: (
                connection.execute(
                    update(upload_tokens).where(upload_tokens.c.id == token["id"]).values(**values)
                ).rowcount
            )
        )
    )
